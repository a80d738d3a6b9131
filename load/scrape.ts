/**
 * What a scrape of /metrics every second costs: CPU of the primary's thread, and of all other threads of the server, with and without it, in
 * alternation, under a fixed load of deliveries. The server and its load live through all rounds, so that pairs compare like with like.
 *
 * Run: npx tsx load/scrape.ts [--workers 8] [--per-second 250] [--subscribers 800] [--rounds 5] [--seconds 10] [--out scrape]
 * Linux only. The raw results go to load/results/OUT.json.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort } from '../test/harness/free-port.ts';
import type { FanOutLoad } from './generator/fan-out.ts';
import { median, positive, recordName, spread, table, whole, writeRecord } from './record.ts';
import type { Result } from './result.ts';
import { at, endOnSignals, endWithThisProcess, ServerProcess } from './server-process.ts';

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '8' },
    'per-second': { type: 'string', default: '250' },
    subscribers: { type: 'string', default: '800' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    out: { type: 'string', default: 'scrape' },
  },
});
const out = recordName(values.out);
const ROUNDS = whole('rounds', values.rounds);
const SECONDS = positive('seconds', values.seconds);
const WORKERS = whole('workers', values.workers);
const SUBSCRIBERS = whole('subscribers', values.subscribers);
const PER_SECOND = positive('per-second', values['per-second']);
const SCRAPE_MS = 1000;
/** The generator connects everybody, warms up and settles. */
const SETTLE_MS = 20_000;
const NS_PER_SECOND = 1e9;

interface Sample {
  readonly round: number;
  readonly scraped: boolean;
  /** Shares of a core. */
  readonly primary: number;
  readonly others: number;
  readonly deliveriesPerSecond: number;
  readonly scrapeMs: readonly number[];
}

/** CPU seconds that a thread has had, to the nanosecond. */
const threadSeconds = (pid: number, tid: number | string): number =>
  Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]) / NS_PER_SECOND;

function cpu(pid: number): { primary: number; others: number } {
  const others = readdirSync(`/proc/${pid}/task`).filter((tid) => tid !== String(pid));
  return {
    primary: threadSeconds(pid, pid),
    others: others.reduce((sum, tid) => sum + threadSeconds(pid, tid), 0),
  };
}

async function scrape(url: string): Promise<{ ms: number; deliveries: number }> {
  const startMs = performance.now();
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = text.match(/(?<=^polyloop_deliveries_total\{[^}]*\} )\d+/gm) ?? [];
  return {
    ms: performance.now() - startMs,
    deliveries: counts.reduce((sum, count) => sum + Number(count), 0),
  };
}

async function sample(pid: number, url: string, round: number, scraped: boolean): Promise<Sample> {
  const scrapeMs: number[] = [];
  const { deliveries: deliveredBefore } = await scrape(url);
  // What that scrape left behind is no part of the sample.
  await delay(SCRAPE_MS);
  const startMs = performance.now();
  const before = cpu(pid);
  for (let second = 1; second <= SECONDS; second++) {
    await delay(startMs + second * SCRAPE_MS - performance.now());
    if (scraped) scrapeMs.push((await scrape(url)).ms);
  }
  const after = cpu(pid);
  const seconds = (performance.now() - startMs) / 1000;
  const { deliveries } = await scrape(url);
  return {
    round,
    scraped,
    primary: (after.primary - before.primary) / seconds,
    others: (after.others - before.others) / seconds,
    deliveriesPerSecond: (deliveries - deliveredBefore) / (seconds + SCRAPE_MS / 1000),
    scrapeMs,
  };
}

const adminPort = await freePort();
const url = `http://127.0.0.1:${adminPort}`;
endOnSignals();
const server = await ServerProcess.start({
  file: process.execPath,
  args: [
    ...[at('../dist/server.js'), '--app', at('servers/polyloop.js'), '--host', '127.0.0.1', '--port', '0'],
    ...['--workers', String(WORKERS), '--placement', 'round-robin', '--admin-port', String(adminPort)],
    // The generator does not expect pings.
    ...['--idle-timeout', '0'],
  ],
});
const [pid = 0] = server.pids;
const samples: Sample[] = [];
let result: Result;
try {
  const load: FanOutLoad = {
    kind: 'fan-out',
    dialect: 'plain',
    pids: server.pids,
    port: server.port,
    loops: WORKERS,
    channels: 1,
    subscribers: SUBSCRIBERS,
    publishers: WORKERS,
    inFlight: 1,
    perSecond: PER_SECOND,
    bytes: 100,
    seconds: ROUNDS * 2 * (SECONDS + 2) + SETTLE_MS / 1000,
  };
  const generator = fork(at('generator/generator.ts'), [JSON.stringify(load)]);
  endWithThisProcess(generator);
  const generating = once(generator, 'message').then(([message]) => message as Result);
  // Its load ends early when the generator finds that something is wrong.
  const settled = async (ms: number): Promise<void> => {
    const early = await Promise.race([delay(ms), generating]);
    if (early !== undefined) throw new Error(`the load ended early: ${(early as Result).trouble}`);
  };
  await settled(SETTLE_MS);
  for (let round = 1; round <= ROUNDS; round++) {
    // Which comes first alternates too, because the machine's speed drifts.
    for (const scraped of round % 2 === 0 ? [false, true] : [true, false]) {
      const one = await sample(pid, url, round, scraped);
      samples.push(one);
      process.stderr.write(
        `round ${round}: ${scraped ? 'scraped' : 'alone'}: primary ${one.primary.toFixed(4)}, others ${one.others.toFixed(3)}, ${Math.round(one.deliveriesPerSecond)} deliveries/s\n`,
      );
    }
  }
  result = await generating;
} finally {
  await server.stop();
}

const of = (scraped: boolean): Sample[] => samples.filter((one) => one.scraped === scraped);
const row = (title: string, chosen: readonly Sample[]): string[] => [
  title,
  spread(chosen.map(({ primary }) => primary * 100)),
  spread(chosen.map(({ others }) => others * 100)),
  String(Math.round(median(chosen.map(({ deliveriesPerSecond }) => deliveriesPerSecond)))),
  chosen.some(({ scrapeMs }) => scrapeMs.length > 0)
    ? spread(chosen.flatMap(({ scrapeMs }) => scrapeMs))
    : '–',
];
const head = ['', 'primary, % of a core', 'all loops, % of a core', 'deliveries/s', 'ms for a scrape'];
process.stdout.write(table(head, [row('alone', of(false)), row('scraped every second', of(true))]));
if (result.trouble !== null) process.stdout.write(`the load found trouble: ${result.trouble}\n`);
writeRecord(out, { options: values, samples, result });
