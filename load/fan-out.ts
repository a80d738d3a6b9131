/**
 * CPU per delivery, and time from publishing to delivery: polyloop on two loops, uWebSockets.js on one thread, and the usual relay
 * of two threads through a MessagePort, in alternation.
 *
 * Run: npm run bench:fan-out -- [--rounds 5] [--seconds 3] [--bytes 100] [--only WORDS OF A SCENARIO] [--out fan-out]
 * The raw results go to load/results/OUT.json.
 */
import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import type { FanOutLoad, FanOutResult } from './fan-out-generator.ts';
import { median, spread, table, writeRecord } from './record.ts';
import { at, polyloop, startServer, stopServer } from './server-process.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    bytes: { type: 'string', default: '100' },
    only: { type: 'string', default: '' },
    out: { type: 'string', default: 'fan-out' },
  },
});

/** Round robin, so that the members of a channel alternate between the loops. */
const OPTIONS = ['--workers', '2', '--placement', 'round-robin', '--log-level', 'info'];
const OURS = 'polyloop';
const SERVERS = [
  { name: OURS, args: polyloop('fan-out-polyloop.js', ...OPTIONS), loops: 2 },
  { name: 'uWebSockets.js', args: [at('servers/fan-out-raw.js')], loops: 1 },
  { name: 'relay', args: [at('servers/fan-out-relay.js')], loops: 2 },
];
type Server = (typeof SERVERS)[number];

type Scenario = Pick<FanOutLoad, 'channels' | 'subscribers' | 'publishers' | 'inFlight' | 'perSecond'>;
/** Subscribers and publishers are those of one channel. */
const SCENARIOS: Record<string, Scenario> = {
  '10 to 10, 8 in flight': { channels: 1, subscribers: 10, publishers: 10, inFlight: 8, perSecond: 0 },
  '10 to 10, 1 in flight': { channels: 1, subscribers: 10, publishers: 10, inFlight: 1, perSecond: 0 },
  '1 to 1,000, 64 in flight': { channels: 1, subscribers: 1000, publishers: 1, inFlight: 64, perSecond: 0 },
  '100 × 2 to 2, 4 in flight': { channels: 100, subscribers: 2, publishers: 2, inFlight: 4, perSecond: 0 },
  '10 × 10 to 10, 1 in flight': { channels: 10, subscribers: 10, publishers: 10, inFlight: 1, perSecond: 0 },
  '10 to 100, 1,000/s': { channels: 1, subscribers: 100, publishers: 10, inFlight: 1, perSecond: 1000 },
};

const run = promisify(execFile);

async function sample({ args, loops }: Server, scenario: Scenario): Promise<FanOutResult> {
  const server = await startServer(args);
  try {
    const { pid, port } = server;
    const bytes = Number(values.bytes);
    const seconds = Number(values.seconds);
    const load: FanOutLoad = { ...scenario, pid, port, loops, bytes, seconds };
    const generator = [...process.execArgv, at('fan-out-generator.ts'), JSON.stringify(load)];
    const { stdout } = await run(process.execPath, generator);
    return JSON.parse(stdout) as FanOutResult;
  } finally {
    await stopServer(server);
  }
}

const titles = Object.keys(SCENARIOS).filter((title) => title.includes(values.only));
const samples: (FanOutResult & { round: number; title: string; server: string })[] = [];
for (let round = 1; round <= Number(values.rounds); round++) {
  for (const [title, scenario] of Object.entries(SCENARIOS)) {
    if (!titles.includes(title)) continue;
    for (const server of SERVERS) {
      const result = await sample(server, scenario);
      samples.push({ round, title, server: server.name, ...result });
      const cpu = result.cpuMicrosPerDelivery.toFixed(3);
      process.stderr.write(`round ${round}: ${title}: ${server.name}: ${cpu} µs\n`);
    }
  }
}

function row(title: string, server: string): string[] {
  const of = (name: string) => samples.filter((one) => one.title === title && one.server === name);
  const all = of(server);
  const cpu = all.map((one) => one.cpuMicrosPerDelivery);
  // Pair by pair within a round, because the machine's speed drifts from round to round.
  const ratios = of(OURS).map((ours, round) => ours.cpuMicrosPerDelivery / (cpu[round] ?? Number.NaN));
  const rate = median(all.map((one) => one.deliveriesPerSecond));
  const load = median(all.map((one) => one.generatorLoad));
  const latencies = all.flatMap(({ latencyMs }) => latencyMs ?? []);
  const latency = (values: number[]): string => (values.length === 0 ? '' : spread(values));
  return [
    title,
    server,
    spread(cpu),
    median(ratios).toFixed(2),
    String(Math.round(rate)),
    load.toFixed(2),
    latency(latencies.map(({ p50 }) => p50)),
    latency(latencies.map(({ p99 }) => p99)),
  ];
}

const rows = titles.flatMap((title) => SERVERS.map((server) => row(title, server.name)));
const head = ['scenario', 'server', 'CPU µs per delivery, median (low to high)', 'polyloop is ×'];
process.stdout.write(table([...head, 'deliveries/s', 'generator load', 'p50 ms', 'p99 ms'], rows));
writeRecord(values.out, { options: values, scenarios: SCENARIOS, samples });
