import { expect, test } from 'vitest';
import { ControlledLoops } from '../harness/channel-server.ts';
import { ServerProcess } from '../harness/server-process.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const LOOPS = 2;
const APP = [
  ...['--host', '127.0.0.1', '--port', '0', '--workers', String(LOOPS)],
  ...['--app', 'test/fixtures/channels-app.js'],
];
/** Channels of one pass, over all loops. */
const CHANNELS = 200_000;
const CHUNK = 5000;
const PASSES = 10;
const IDLE_CHANNELS = 1_000_000;
const IDLE_BYTES = 200;
/** What heaps and allocators may come to hold beside, whatever is done. */
const NOISE_BYTES = 24 * 1024 * 1024;
const TIMEOUT_MS = 300_000;

async function start(...args: string[]): Promise<{ server: ServerProcess; loops: ControlledLoops }> {
  // The engine keeps what it has of its heaps for young objects: little, so that it does not hide what is measured.
  const server = new ServerProcess([...APP, ...args], { NODE_OPTIONS: '--max-semi-space-size=1' });
  await server.line('listening');
  return { server, loops: await new ControlledLoops((path) => server.url(path)).connect(LOOPS) };
}

/** Resident memory of the process, once garbage is collected. */
async function residentBytes(loops: ControlledLoops): Promise<number> {
  const found = await loops.runOnAll(({ collectGarbage }) => {
    collectGarbage();
    return process.memoryUsage.rss();
  });
  return Math.min(...found);
}

/** So many channels come and go, some at a time, half of them on each loop; `publishes` says whether something is published to them. */
async function comeAndGo(
  loops: ControlledLoops,
  pass: number,
  count: number,
  publishes: boolean,
): Promise<void> {
  for (let from = 0; from < count / LOOPS; from += CHUNK) {
    await loops.runOnAll(
      async ({ loop, member }, pass, from, count, publishes) => {
        const ws = member('a');
        const names = Array.from({ length: count }, (_, i) => `channel ${loop.id} ${pass} ${from + i}`);
        for (const name of names) {
          const result = ws.subscribe(name);
          if (!result.ok) throw new Error(result.reason);
        }
        if (publishes) {
          for (const name of names)
            while (!loop.publish(name, 'x').ok) await new Promise((resolve) => setImmediate(resolve));
        }
        for (const name of names) ws.unsubscribe(name);
      },
      pass,
      from,
      CHUNK,
      publishes,
    );
  }
}

/** Resident memory says something only over many passes, and where the machine tells it. */
const onLinux = test.runIf(IS_LONG && process.platform === 'linux');

onLinux.each([
  ['are only subscribed to', false],
  ['carry a message each', true],
])(
  'needs no more memory when channels come and go that %s',
  async (_, publishes) => {
    // All the channels of a pass fit, so that from the second pass on each new one takes the place of another.
    const { server, loops } = await start(
      ...[
        '--max-channels',
        String(CHANNELS),
        '--max-channels-per-connection',
        String(CHUNK),
        '--log-bytes',
        '1MiB',
      ],
    );
    for (let loop = 0; loop < LOOPS; loop++) await loops.join('a', loop);
    await comeAndGo(loops, 0, CHANNELS, publishes);
    const before = await residentBytes(loops);
    for (let pass = 1; pass <= PASSES; pass++) await comeAndGo(loops, pass, CHANNELS, publishes);
    const grown = (await residentBytes(loops)) - before;
    console.log(`${PASSES * CHANNELS} channels came and went: ${grown} bytes more`);
    expect(grown).toBeLessThan(NOISE_BYTES);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  },
  TIMEOUT_MS,
);

onLinux(
  'needs less than 200 bytes for each channel when many are idle',
  async () => {
    const { server, loops } = await start(
      ...['--max-channels', String(2 * IDLE_CHANNELS), '--max-channels-per-connection', String(CHUNK)],
    );
    for (let loop = 0; loop < LOOPS; loop++) await loops.join('a', loop);
    // The same few again and again: what the loops' own memory grows by is not the channels'.
    for (let i = 0; i < 10; i++) await comeAndGo(loops, 0, LOOPS * CHUNK, false);
    const before = await residentBytes(loops);
    await comeAndGo(loops, 1, IDLE_CHANNELS, false);
    const grown = (await residentBytes(loops)) - before;
    console.log(`${IDLE_CHANNELS} idle channels: ${grown} bytes more`);
    expect(grown).toBeLessThan(IDLE_CHANNELS * IDLE_BYTES + NOISE_BYTES);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  },
  TIMEOUT_MS,
);
