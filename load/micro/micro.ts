/**
 * Times of the structures in shared memory, and of MessagePort and BroadcastChannel doing the same work as the log. Every file runs
 * in a process of its own, all of them in each round. They are JavaScript and use the built package, so that what runs is what is
 * shipped.
 *
 * Run: npm run bench:micro -- [--rounds 5] [--only PART OF A FILE'S NAME] [--out micro]
 * The raw results go to load/results/OUT.json.
 */
import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { median, recordName, spread, table, whole, writeRecord } from '../record.ts';
import { at } from '../server-process.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    out: { type: 'string', default: 'micro' },
  },
});
const out = recordName(values.out);

const FILES = [
  'log',
  'message-port',
  'broadcast-channel',
  'publish',
  'channel-table',
  'counter',
  'mutex',
  'map',
  'rate-limiter',
].filter((file) => file.includes(values.only));

/** One line that a file prints; times are per operation, CPU that of all its threads. */
interface Sample {
  readonly name: string;
  readonly ns: number;
  readonly cpuNs: number;
}

const run = promisify(execFile);
const samples: (Sample & { round: number; file: string })[] = [];
const rounds = whole('rounds', values.rounds);
for (let round = 1; round <= rounds; round++) {
  for (const file of FILES) {
    const { stdout } = await run(process.execPath, [at(`micro/${file}.js`)]);
    for (const line of stdout.trim().split('\n')) {
      const sample = JSON.parse(line) as Sample;
      samples.push({ round, file, ...sample });
      process.stderr.write(`round ${round}: ${sample.name}: ${sample.ns.toFixed(1)} ns\n`);
    }
  }
}

const timesOf = (name: string): number[] => samples.filter((one) => one.name === name).map(({ ns }) => ns);

/** How many times faster than a MessagePort with as many threads; empty for what moves no messages. */
function timesFaster(name: string): string {
  const port = timesOf(name.replace(/^[^,]+/, 'MessagePort'));
  // Pair by pair within a round, because the machine's speed drifts from round to round.
  const ratios = timesOf(name).map((ns, round) => (port[round] ?? Number.NaN) / ns);
  return port.length > 0 ? median(ratios).toFixed(1) : '';
}

const names = [...new Set(samples.map(({ name }) => name))];
const rows = names.map((name) => {
  const cpu = samples.filter((one) => one.name === name).map(({ cpuNs }) => cpuNs);
  const perSecond = Math.round(1e9 / median(timesOf(name)));
  return [name, spread(timesOf(name), 0), median(cpu).toFixed(0), String(perSecond), timesFaster(name)];
});
const head = ['operation', 'ns, median (low to high)', 'CPU ns', 'per second', '× MessagePort'];
process.stdout.write(table(head, rows));
writeRecord(out, { options: values, samples });
