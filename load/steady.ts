/**
 * A crowd that stays: many connections of one server process, each of which sends now and then, for a long time. None may be closed,
 * resident memory may not grow, and answers must come at once.
 *
 * Run: npx tsx load/steady.ts [--connections 19000] [--minutes 10] [--every 10] [--workers 2] [--out steady]      after npm run build, on Linux
 * Each connection sends every so many seconds. The progress comes every 30 s; exits with 1 when something was not so.
 * The raw results go to load/results/OUT.json.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client, openAll } from './generator/client.ts';
import { dialect } from './generator/dialect.ts';
import { EchoClient } from './generator/echo-client.ts';
import { fail } from './generator/load.ts';
import { Latencies, Measurement } from './generator/measurement.ts';
import { Stream } from './generator/stream.ts';
import { residentBytes } from './process-figures.ts';
import { positive, recordName, whole, writeRecord } from './record.ts';
import { BUSY_OTHERS } from './result.ts';
import { endOnSignals, ServerProcess } from './server-process.ts';
import { polyloop } from './targets.ts';

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '19000' },
    minutes: { type: 'string', default: '10' },
    every: { type: 'string', default: '10' },
    workers: { type: 'string', default: '2' },
    out: { type: 'string', default: 'steady' },
  },
});
const out = recordName(values.out);

const connections = whole('connections', values.connections);
const seconds = positive('minutes', values.minutes) * 60;
const everyMs = positive('every', values.every) * 1000;
const workers = whole('workers', values.workers);

const MIB = 1024 * 1024;
const MESSAGE_BYTES = 20;
const AT_A_TIME = 50;
const CLOCK_MS = 1;
const PROGRESS_SECONDS = 30;
/** Memory is looked at from here on, or from a fifth of a short run: heaps find their size first. */
const SETTLED_SECONDS = Math.min(120, seconds / 5);
const MAX_P99_MS = 5;
/** By which share memory may seem to grow over the time it is looked at: what garbage collections make of it. */
const MAX_GROWTH = 0.02;

interface Memory {
  readonly seconds: number;
  readonly mib: number;
}

/** Of the straight line that fits best, in MiB per second. */
function slope(points: readonly Memory[]): number {
  const mean = (of: (point: Memory) => number): number =>
    points.reduce((total, point) => total + of(point), 0) / points.length;
  const [x, y] = [mean((point) => point.seconds), mean((point) => point.mib)];
  return mean((point) => (point.seconds - x) * (point.mib - y)) / mean((point) => (point.seconds - x) ** 2);
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

endOnSignals();
// What ends it before its time: a connection was closed, an answer was wrong, or did not come.
process.on('uncaughtException', ({ message }) => {
  say(`NO   ${message}`);
  process.exit(1);
});
const server = await ServerProcess.start(polyloop('polyloop.js', workers));
const manner = dialect('plain');
const stream = new Stream(manner, 0, MESSAGE_BYTES, 1);
let latencies = new Latencies();
const all = new Latencies();
let isOver = false;
let late = 0;
const crowd = await openAll(connections, AT_A_TIME, async (number) => {
  const client = await Client.open(server.port, '/echo', manner);
  return new EchoClient(client, number, stream, 1, (_, __, ms) => {
    latencies.record(ms);
    all.record(ms);
  });
});
say(`${connections} connections are open; each sends every ${values.every} s for ${values.minutes} min`);

// Each has its own moment within the interval. What is due is sent at the next turn of the clock, and its time counts from when it was due.
const startMs = performance.now();
let turn = 0;
const clock = setInterval(() => {
  const due = ((performance.now() - startMs) * connections) / everyMs;
  for (; turn < due && !isOver; turn++) {
    const client = crowd[turn % connections] ?? fail('no connection');
    if (client.inFlight > 0) fail('a message did not come back before the next was due');
    client.send(1, startMs + (turn * everyMs) / connections);
  }
}, CLOCK_MS);

const measurement = new Measurement(server.pids);
const memory: Memory[] = [];
for (let second = 1; second <= seconds; second++) {
  await delay(startMs + second * 1000 - performance.now());
  const mib = residentBytes(server.pids) / MIB;
  memory.push({ seconds: second, mib });
  if (second % PROGRESS_SECONDS !== 0) continue;
  const { p50 = 0, p99 = 0, max = 0 } = latencies.latency ?? {};
  if (p99 >= MAX_P99_MS) late++;
  latencies = new Latencies();
  const time = `${Math.floor(second / 60)}:${String(second % 60).padStart(2, '0')}`;
  say(
    `${time}  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms  max ${max.toFixed(1)} ms  RSS ${mib.toFixed(1)} MiB`,
  );
}
const echoed = (): number => crowd.reduce((total, client) => total + client.echoed, 0);
const figures = measurement.end(echoed(), all.latency);
isOver = true;
clearInterval(clock);
await delay(1000);
const missing = crowd.reduce((total, client) => total + client.inFlight, 0);

const settled = memory.filter((point) => point.seconds > SETTLED_SECONDS);
const mibPerMinute = slope(settled) * 60;
const growth = (slope(settled) * settled.length) / (settled[0]?.mib ?? Number.NaN);
const p99 = figures.latency?.p99 ?? Number.NaN;
const checks = [
  { what: 'no connection was closed, every answer is right', isMet: true, found: `${echoed()} answers` },
  { what: 'nothing is missing', isMet: missing === 0, found: `${missing} missing` },
  {
    what: `p99 is under ${MAX_P99_MS} ms`,
    isMet: p99 < MAX_P99_MS,
    found: `${p99.toFixed(2)} ms, ${late} parts of ${PROGRESS_SECONDS} s above`,
  },
  {
    what: `memory grows by less than ${MAX_GROWTH * 100} % in the last ${settled.length} s`,
    isMet: growth < MAX_GROWTH,
    found: `${(growth * 100).toFixed(2)} %, ${mibPerMinute.toFixed(2)} MiB per minute`,
  },
];
for (const { what, isMet, found } of checks) say(`${isMet ? 'yes' : 'NO '}  ${what}: ${found}`);
const { cpuMicros, generatorLoad, othersLoad } = figures;
say(
  `CPU ${cpuMicros.toFixed(1)} µs per message; generator ${generatorLoad.toFixed(2)}, others ${othersLoad.toFixed(2)} cores`,
);
if (othersLoad > BUSY_OTHERS) say('Other programs used the machine too: times are not to be trusted.');
writeRecord(out, {
  connections,
  minutes: seconds / 60,
  figures,
  mibPerMinute,
  growth,
  memory,
  checks,
});
process.exit(checks.every(({ isMet }) => isMet) ? 0 : 1);
