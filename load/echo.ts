/**
 * CPU per echoed message: polyloop against uWebSockets.js itself, in alternation.
 *
 * Run: npm run bench:echo -- [--rounds 7] [--seconds 4] [--connections 50] [--bytes 20] [--in-flight 1] [--workers 1] [--out echo]
 * The raw results go to load/results/OUT.json.
 */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '50' },
    bytes: { type: 'string', default: '20' },
    'in-flight': { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    out: { type: 'string', default: 'echo' },
  },
});

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const polyloop = (app: string): string[] => {
  const options = ['--workers', values.workers, '--host', '127.0.0.1', '--port', '0'];
  return [at('../dist/server.js'), ...options, '--app', at(`servers/${app}`)];
};

const SERVERS: Record<string, string[]> = {
  'uWebSockets.js': [at('servers/raw-message.js')],
  'polyloop onMessage': polyloop('polyloop-message.js'),
  'uWebSockets.js, text decoded': [at('servers/raw-text.js')],
  'polyloop onText': polyloop('polyloop-text.js'),
};
const BASELINE = 'uWebSockets.js';
/** USER_HZ, the unit of CPU times in /proc; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
/** User and system time in /proc/PID/stat, counted from the field after the command's name. */
const UTIME = 11;
const STIME = 12;

interface Sample {
  readonly cpuMicrosPerMessage: number;
  readonly messagesPerSecond: number;
  /** Share of a core that the generator used; near 1, it was the limit. */
  readonly generatorLoad: number;
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME]) + Number(fields[STIME])) / TICKS_PER_SECOND;
}

async function startServer(args: string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (!child.stdout) throw new Error('no output');
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, port } = JSON.parse(line) as { msg: string; port: number };
    if (msg === 'listening') return { child, port };
  }
  throw new Error(`the server did not start: ${args.join(' ')}`);
}

async function sample(args: string[]): Promise<Sample> {
  const { child, port } = await startServer(args);
  const { connections, bytes, 'in-flight': inFlight, seconds } = values;
  const generator = fork(at('echo-generator.ts'), [String(port), connections, bytes, inFlight, seconds]);
  await once(generator, 'message');
  const before = cpuSeconds(child.pid ?? 0);
  generator.send('go');
  const [result] = (await once(generator, 'message')) as [
    { echoed: number; elapsedMs: number; cpuMs: number },
  ];
  const used = cpuSeconds(child.pid ?? 0) - before;
  child.kill('SIGKILL');
  await once(child, 'exit');
  return {
    cpuMicrosPerMessage: (used * 1e6) / result.echoed,
    messagesPerSecond: (result.echoed * 1000) / result.elapsedMs,
    generatorLoad: result.cpuMs / result.elapsedMs,
  };
}

const sorted = (numbers: number[]): number[] => numbers.toSorted((a, b) => a - b);
const median = (numbers: number[]): number => sorted(numbers)[Math.floor(numbers.length / 2)] ?? Number.NaN;

const samples = new Map<string, Sample[]>(Object.keys(SERVERS).map((name) => [name, []]));
for (let round = 1; round <= Number(values.rounds); round++) {
  for (const [name, args] of Object.entries(SERVERS)) {
    const result = await sample(args);
    samples.get(name)?.push(result);
    process.stderr.write(`round ${round}: ${name}: ${result.cpuMicrosPerMessage.toFixed(3)} µs\n`);
  }
}

const baseline = samples.get(BASELINE) ?? [];
const rows = [...samples].map(([name, all]) => {
  const cpu = all.map((one) => one.cpuMicrosPerMessage);
  // Pair by pair within a round, because the machine's speed drifts from round to round.
  const ratios = cpu.map((value, round) => value / (baseline[round]?.cpuMicrosPerMessage ?? Number.NaN));
  const low = sorted(cpu)[0] ?? Number.NaN;
  const high = sorted(cpu).at(-1) ?? Number.NaN;
  const rate = Math.round(median(all.map((one) => one.messagesPerSecond)));
  const load = median(all.map((one) => one.generatorLoad));
  return { name, cpuMicros: median(cpu), low, high, ratio: median(ratios), rate, generatorLoad: load };
});

const cell = (value: number): string => value.toFixed(2);
process.stdout.write(`| server | CPU µs per message, median (low to high) | × uWebSockets.js | messages/s | generator load |
|---|---|---|---|---|
${rows
  .map(
    (row) =>
      `| ${row.name} | ${cell(row.cpuMicros)} (${cell(row.low)} to ${cell(row.high)}) | ${cell(row.ratio)} | ${row.rate} | ${cell(row.generatorLoad)} |`,
  )
  .join('\n')}
`);

mkdirSync(at('results'), { recursive: true });
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.version };
const record = {
  date: new Date().toISOString(),
  commit: execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim(),
  machine,
  options: values,
  rows,
  samples: Object.fromEntries(samples),
};
writeFileSync(at(`results/${values.out}.json`), `${JSON.stringify(record, null, 2)}\n`);
