/**
 * What a stream of CPU-heavy tasks does to the echoes of the same loops: without tasks, with tasks offloaded, with tasks on the loops.
 * The three take turns within each round.
 *
 * Run: npm run build && npx tsx load/offload.ts [--rounds 7] [--seconds 4] [--loops 2] [--connections 500] [--per-second 1000] [--out offload]
 * The raw results go to load/results/OUT.json.
 */
import { parseArgs } from 'node:util';
import { type EchoTimes, OffloadEchoes } from '../test/harness/offload-echoes.ts';
import { median, spread, table, writeRecord } from './record.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '4' },
    loops: { type: 'string', default: '2' },
    connections: { type: 'string', default: '500' },
    'per-second': { type: 'string', default: '1000' },
    out: { type: 'string', default: 'offload' },
  },
});

const WAYS = [
  ['no tasks', undefined],
  ['tasks offloaded', 'offload'],
  ['tasks on the loops', 'inline'],
] as const;

const forMs = Number(values.seconds) * 1000;
const load = await OffloadEchoes.start(
  Number(values.loops),
  Number(values.connections),
  Number(values['per-second']),
);
await load.measure(forMs);
const samples = new Map<string, EchoTimes[]>(WAYS.map(([name]) => [name, []]));
for (let round = 1; round <= Number(values.rounds); round++) {
  for (const [name, where] of WAYS) {
    const times = await load.measure(forMs, where);
    samples.get(name)?.push(times);
    process.stderr.write(`round ${round}: ${name}: p99 ${times.p99.toFixed(2)} ms\n`);
  }
}
await load.close();

const rows = [...samples].map(([name, all]) => [
  name,
  median(all.map(({ p50 }) => p50)).toFixed(2),
  spread(all.map(({ p99 }) => p99)),
  spread(
    all.map(({ lagP99 }) => lagP99),
    0,
  ),
  spread(
    all.map(({ lagMax }) => lagMax),
    0,
  ),
  (median(all.map(({ tasks }) => tasks)) / Number(values.seconds)).toFixed(1),
]);
const head = ['', 'echo p50 ms', 'echo p99 ms', 'loop lag p99 ms', 'loop lag up to, ms', 'tasks/s'];
process.stdout.write(table(head, rows));
writeRecord(values.out, { options: values, samples: Object.fromEntries(samples) });
