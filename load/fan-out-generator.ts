/**
 * Load for a fan-out server, in a process of its own: channels whose connections all subscribe, and some of which publish. Either
 * each publisher keeps `inFlight` of its messages on their way, sending the next when one of its own comes back, or, with
 * `perSecond`, they publish by the clock. At the end every message must have come to every subscriber, no more and no less.
 *
 * Argument: a `FanOutLoad` as JSON. Prints a `FanOutResult` as JSON.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection, fail, type Watcher } from './fan-out-connection.ts';
import { quantile } from './record.ts';
import { busySeconds, cpuSeconds } from './server-process.ts';

export interface FanOutLoad {
  /** The server's process, port and number of loops or threads. */
  readonly pid: number;
  readonly port: number;
  readonly loops: number;
  readonly channels: number;
  /** Per channel; the publishers are among the subscribers. */
  readonly subscribers: number;
  readonly publishers: number;
  readonly inFlight: number;
  /** Messages published per second over all publishers; 0: as many as come back. */
  readonly perSecond: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface FanOutResult {
  readonly cpuMicrosPerDelivery: number;
  readonly deliveriesPerSecond: number;
  /** Share of a core that the generator used; near 1, it was the limit. */
  readonly generatorLoad: number;
  /** Share of a core that neither server nor generator used; above a few hundredths, other programs were in the way. */
  readonly othersLoad: number;
  /** From publishing to delivery, as the generator sees both; null unless it publishes by the clock. */
  readonly latencyMs: { readonly p50: number; readonly p99: number } | null;
}

/** Before measuring, so that the server's code is optimised. Publishing by the clock warms up at a multiple of its rate, then settles. */
const WARM_UP_MS = 1000;
const CLOCK_WARM_UP_MS = 3000;
const CLOCK_SETTLE_MS = 6000;
const CLOCK_WARM_UP_FACTOR = 4;
const DRAIN_TIMEOUT_MS = 5000;

const load = JSON.parse(process.argv[2] ?? '') as FanOutLoad;
const latencies: number[] = [];
let isMeasuring = false;
let isOver = false;

const watcher: Watcher =
  load.perSecond > 0
    ? {
        delivered: (publishedMs) => {
          if (isMeasuring) latencies.push(performance.now() - publishedMs);
        },
      }
    : {
        ownReturned: (connection, count) => {
          if (!isOver) connection.publish(count);
        },
      };

/** One after the other, so that the members of a channel alternate between the loops. */
async function openChannel(channel: number): Promise<Connection[]> {
  const members: Connection[] = [];
  for (let i = 0; i < load.subscribers; i++) {
    const connection = new Connection(i, load.bytes, load.inFlight, watcher);
    await connection.open(load.port, `/channel-${channel}`);
    members.push(connection);
  }
  const loops = [...new Set(members.map((member) => member.loop))];
  const counts = loops.map((loop) => members.filter((member) => member.loop === loop).length);
  if (counts.length !== load.loops || Math.max(...counts) - Math.min(...counts) > 1) {
    fail(`the members of a channel are not spread evenly: ${counts.join(' and ')}`);
  }
  return members;
}

const channels: Connection[][] = [];
for (let channel = 0; channel < load.channels; channel++) channels.push(await openChannel(channel));
const publishers = channels.flatMap((members) => members.slice(0, load.publishers));
const deliveries = (): number =>
  channels.flat().reduce((total, connection) => total + connection.deliveries, 0);

/** Publishes what is due, in turn; the timer's delay spreads nothing but the sending. */
function publishByClock(): void {
  const startMs = performance.now();
  let published = 0;
  const timer = setInterval(() => {
    if (isOver) clearInterval(timer);
    const ms = performance.now() - startMs;
    const extraMs = Math.min(ms, CLOCK_WARM_UP_MS) * (CLOCK_WARM_UP_FACTOR - 1);
    const due = ((ms + extraMs) * load.perSecond) / 1000;
    for (; published < due && !isOver; published++) {
      publishers[published % publishers.length]?.publishAt(performance.now());
    }
  }, 1);
}

if (load.perSecond > 0) publishByClock();
else for (const publisher of publishers) publisher.publish(load.inFlight);
await delay(load.perSecond > 0 ? CLOCK_WARM_UP_MS + CLOCK_SETTLE_MS : WARM_UP_MS);

/** All that is counted, at one moment. CPU in seconds. */
function count(): { ms: number; deliveries: number; server: number; generator: number; machine: number } {
  const { user, system } = process.cpuUsage();
  return {
    ms: performance.now(),
    deliveries: deliveries(),
    server: cpuSeconds(load.pid),
    generator: (user + system) / 1e6,
    machine: busySeconds(),
  };
}

isMeasuring = true;
const before = count();
await delay(load.seconds * 1000);
const after = count();
isMeasuring = false;
isOver = true;

const publishedOn = (members: Connection[]): number =>
  members.reduce((total, member) => total + member.published, 0);
const expected = channels.reduce((total, members) => total + publishedOn(members) * members.length, 0);
for (const deadline = performance.now() + DRAIN_TIMEOUT_MS; deliveries() < expected; await delay(10)) {
  if (performance.now() > deadline) fail(`${expected - deliveries()} deliveries are missing`);
}
for (const members of channels) {
  const published = publishedOn(members);
  if (members.some((member) => member.deliveries !== published))
    fail('a subscriber got another number of messages');
}

const seconds = (after.ms - before.ms) / 1000;
const delivered = after.deliveries - before.deliveries;
const serverSeconds = after.server - before.server;
const generatorSeconds = after.generator - before.generator;
const machineSeconds = after.machine - before.machine;
const result: FanOutResult = {
  cpuMicrosPerDelivery: (serverSeconds * 1e6) / delivered,
  deliveriesPerSecond: delivered / seconds,
  generatorLoad: generatorSeconds / seconds,
  othersLoad: (machineSeconds - serverSeconds - generatorSeconds) / seconds,
  latencyMs: load.perSecond > 0 ? { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) } : null,
};
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
