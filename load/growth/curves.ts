/** All curves, in the order in which they run. */
import { generate } from '../scenario.ts';
import type { Target } from '../targets.ts';
import { type Curve, pointsAt } from './curve.ts';
import { fanOut, MESSAGE_BYTES } from './fan-out.ts';
import { loops, loopsFanOut } from './loops.ts';

/** One loop beside one thread, and what a second loop changes. */
const BOTH = { polyloop: 'Polyloop, 1 loop', 'polyloop-2': 'Polyloop, 2 loops', uws: 'uWebSockets.js' };
const TWO_LOOPS = { 'polyloop-2': 'Polyloop, 2 loops', uws: 'uWebSockets.js' };

/** With more options, where it is Polyloop. */
function withOptions(target: Target, ...options: string[]): Target {
  if (!target.name.startsWith('polyloop')) return target;
  const { file, args } = target.command;
  return { ...target, command: { file, args: [...args, ...options] } };
}

const CACHES =
  'Most likely why: each message touches what the kernel and the server keep of a connection, some 6 KB. Of thousands of connections that is more than the caches of a processor hold, and it comes from slower memory. uWebSockets.js alone grows as much.';

const ECHOES_PER_SECOND = 20_000;
const connections: Curve = {
  name: 'connections',
  title: 'Connections, 20,000 echoes a second over all of them',
  shows:
    'The same 20,000 echoes of 20 bytes a second, spread over more and more connections of one server process. Ten connections get several messages at once: it is judged from 100 on.',
  along: 'connections',
  unit: 'message',
  lines: BOTH,
  panels: ['cpuMicros', 'p99', 'residentMib'],
  power: 0,
  cases: pointsAt('echo', 10, 100, 1000, 5000, 10_000, 19_000),
  judgedFrom: 100,
  why: CACHES,
  run: (target, { x }, seconds) => {
    const load = { kind: 'echo', path: '/echo', connections: x, bytes: 20, inFlight: 64 } as const;
    return generate(target, { ...load, perSecond: ECHOES_PER_SECOND }, seconds);
  },
};

/** Held for all counts of channels, so that what is sent at once is the same. */
const IN_FLIGHT = 50;
const channels: Curve = {
  name: 'channels',
  title: 'Channels, each with one subscriber',
  shows:
    'Up to 50 connections hold so many channels between them, publish 100 bytes to each of theirs in turn and hear it; 50 messages are on their way. Below 50 channels, that is several on a connection, which the kernel moves at once: it is judged from 50 on.',
  along: 'channels',
  unit: 'message',
  lines: BOTH,
  panels: ['cpuMicros', 'p99', 'residentMib'],
  power: 0,
  cases: pointsAt('channel', 1, 10, IN_FLIGHT, 1000, 10_000, 100_000),
  judgedFrom: IN_FLIGHT,
  why: 'Most likely why: each message finds its channel in a map of the loop, in the table in shared memory and among the topics of uWebSockets.js, all of which are in the nearest caches when there are few. From 1,000 to 100,000 channels it costs the same.',
  run: (target, { x }, seconds) => {
    const connections = Math.min(x, IN_FLIGHT);
    const each = x / connections;
    const load = {
      kind: 'echo',
      connections,
      bytes: MESSAGE_BYTES,
      inFlight: IN_FLIGHT / connections,
    } as const;
    const changed = withOptions(
      target,
      '--max-channels-per-connection',
      String(each),
      '--max-channels',
      String(x),
    );
    return generate(changed, { ...load, path: `/many/${each}` }, seconds);
  },
};

const subscribers: Curve = {
  name: 'subscribers',
  title: 'Subscribers of one channel',
  shows: 'One publisher with 8 messages of 100 bytes on their way, and more and more subscribers.',
  along: 'subscribers',
  unit: 'delivery',
  lines: BOTH,
  panels: ['cpuMicros', 'perSecond', 'residentMib'],
  power: 0,
  cases: pointsAt('channel', 2, 10, 100, 1000, 10_000),
  why: CACHES,
  run: (target, { x }, seconds) => generate(target, fanOut(target, x, 8), seconds),
};

/** 20, 100, 1 Ki, 64 Ki */
const tick = (bytes: number): string => (bytes < 1024 ? String(bytes) : `${bytes / 1024} Ki`);
const SIZES = [20, 100, 1024, 4096, 16_384, 65_536];
const size: Curve = {
  name: 'size',
  title: 'Size of a message that is echoed',
  shows: 'Ten connections, each with one message on its way.',
  along: 'bytes',
  tick,
  unit: 'message',
  lines: BOTH,
  panels: ['cpuMicros', 'perSecond', 'p99'],
  power: 1,
  cases: pointsAt('echo', ...SIZES),
  run: (target, { x }, seconds) =>
    generate(target, { kind: 'echo', path: '/echo', connections: 10, bytes: x, inFlight: 1 }, seconds),
};

const sizePublished: Curve = {
  name: 'size-published',
  title: 'Size of a message that is published',
  shows:
    'One publisher with 4 messages on their way, and 10 subscribers. Polyloop runs with `--max-backpressure 64MiB`, so that no reader counts as too slow.',
  along: 'bytes',
  tick,
  unit: 'delivery',
  lines: TWO_LOOPS,
  panels: ['cpuMicros', 'perSecond', 'residentMib'],
  power: 1,
  cases: pointsAt('channel', ...SIZES),
  run: (target, { x }, seconds) => {
    const patient = withOptions(target, '--max-backpressure', '64MiB');
    return generate(patient, fanOut(patient, 10, 4, x), seconds);
  },
};

const DEPTHS = [1, 10, 100, 1000, 10_000, 100_000];
const history: Curve = {
  name: 'history',
  title: 'History, all of it sent',
  shows:
    'Connections come back to a channel, 4 at a time, get all that they missed, and go: what that costs for each message, with the handshake.',
  along: 'messages missed',
  unit: 'message',
  lines: { polyloop: 'Polyloop, 1 loop', 'polyloop-2': 'Polyloop, 2 loops' },
  panels: ['cpuMicros', 'p99', 'residentMib'],
  power: 0,
  cases: pointsAt('history', ...DEPTHS),
  run: (target, { x }, seconds) =>
    generate(target, { kind: 'resume', missed: x, wants: 'all', atATime: 4 }, seconds),
};

const historyOldest: Curve = {
  ...history,
  name: 'history-oldest',
  title: 'History, the oldest message sent',
  shows:
    'The same, but each asks for the oldest of the messages that it missed: a walk back through all of them in the log. A cost for each return, with the handshake.',
  unit: 'return',
  power: 1,
  run: (target, { x }, seconds) =>
    generate(target, { kind: 'resume', missed: x, wants: 'oldest', atATime: 4 }, seconds),
};

export const CURVES: readonly Curve[] = [
  loops,
  loopsFanOut,
  connections,
  channels,
  subscribers,
  size,
  sizePublished,
  history,
  historyOldest,
];

export function curveNamed(name: string): Curve {
  const curve = CURVES.find((one) => one.name === name);
  if (curve) return curve;
  throw new Error(`no curve "${name}"; there are ${CURVES.map((one) => one.name).join(', ')}`);
}
