import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { ChannelServer } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';
import { until } from '../harness/until.ts';

/** Subscribers on the flooded loop. */
const SUBSCRIBERS = 8;
const ROUND_TRIPS = 50;
/** Twice what a loop delivers in one batch (src/workers/fan-out.ts), and a small part of what a full log takes. */
const MOST_PER_TURN = 4096;
const FLOODED = 0;
let server: ChannelServer;
let echo: Client;

beforeAll(async () => {
  server = await ChannelServer.start({ workers: 2 });
  for (let i = 0; i < SUBSCRIBERS; i++) forget((await server.join(`${i}`, FLOODED)).socket);
  await server.run(
    FLOODED,
    ({ member }, count) => {
      for (let i = 0; i < count; i++) member(`${i}`).subscribe('flood');
    },
    SUBSCRIBERS,
  );
});
afterAll(() => server.close());

beforeEach(async () => {
  echo = await server.join('echo', FLOODED);
  await server.run(FLOODED, ({ member }) => member('echo').onText((ws, text) => void ws.send(text)));
});
afterEach(() => echo.socket.terminate());

/** Reads and forgets what comes, without a look at it: a flood is meant for the server, not for the test. */
function forget(client: WebSocket): void {
  const { _socket: socket } = client as unknown as { readonly _socket: Socket };
  socket.removeAllListeners('data');
  socket.resume();
}

/** Publishes as fast as the log takes it, a turn after the other, until told to stop; gives how many were taken. */
const flood = (loop: number, text: string): Promise<number> =>
  server.run(
    loop,
    async ({ loop, notes }, text) => {
      notes.length = 0;
      let published = 0;
      while (notes.length === 0) {
        for (let i = 0; i < 500; i++) if (loop.publish('flood', text).ok) published++;
        await new Promise((resolve) => setImmediate(resolve));
      }
      return published;
    },
    text,
  );

const stop = (loop: number): Promise<number> => server.run(loop, ({ notes }) => notes.push('stop'));

const FLOODS: [string, number, string][] = [
  ['another loop publishes small messages as fast as it can', 1, 'x'.repeat(20)],
  ['another loop publishes large messages as fast as it can', 1, 'x'.repeat(10_000)],
  ['the loop itself publishes small messages as fast as it can', FLOODED, 'x'.repeat(20)],
  ['the loop itself publishes large messages as fast as it can', FLOODED, 'x'.repeat(10_000)],
];

test.each(FLOODS)(
  'keeps answering on other connections, and timers going, when %s',
  async (_, loop, text) => {
    const delivered = await server.fixture.total('deliveries');
    const flooding = flood(loop, text);
    await until(() => server.server.loops()[FLOODED]?.counters.deliveries !== delivered);
    const ticks = server.run(
      FLOODED,
      async (_, count) => {
        for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 1));
      },
      ROUND_TRIPS,
    );
    for (let i = 0; i < ROUND_TRIPS; i++) {
      echo.send(`${i}`);
      expect(await echo.next()).toBe(`${i}`);
    }
    await ticks;
    // All that was while the flood went on.
    await stop(loop);
    expect(await flooding).toBeGreaterThan(ROUND_TRIPS);
    expect((await server.fixture.total('deliveries')) - delivered).toBeGreaterThan(ROUND_TRIPS * SUBSCRIBERS);
  },
);

test('delivers a bounded number of messages in each turn of the loop when another loop fills the log', async () => {
  const delivered = await server.fixture.total('deliveries');
  const flooding = flood(1, 'x'.repeat(20));
  const turns = server.run(FLOODED, async ({ notes }) => {
    notes.length = 0;
    let turns = 0;
    for (; notes.length === 0; turns++) await new Promise((resolve) => setImmediate(resolve));
    return turns;
  });
  await until(() => (server.server.loops()[1]?.counters.publishesRefused ?? 0) > 0);
  for (let i = 0; i < ROUND_TRIPS; i++) {
    echo.send(`${i}`);
    await echo.next();
  }
  await stop(1);
  await flooding;
  await stop(FLOODED);
  const perTurn = ((await server.fixture.total('deliveries')) - delivered) / (await turns);
  expect(perTurn).toBeLessThan(MOST_PER_TURN);
});

test('keeps answering on a loop without subscribers when another loop floods a channel', async () => {
  const far = await server.join('far', 1);
  await server.run(1, ({ member }) => member('far').onText((ws, text) => void ws.send(text)));
  const flooding = flood(FLOODED, 'x');
  for (let i = 0; i < ROUND_TRIPS; i++) {
    far.send(`${i}`);
    expect(await far.next()).toBe(`${i}`);
  }
  await stop(FLOODED);
  expect(await flooding).toBeGreaterThan(0);
  far.socket.terminate();
});

test('keeps answering while clients resume from the beginning of a full log again and again', async () => {
  const flooding = flood(1, 'x'.repeat(20));
  forget((await server.join('resuming', FLOODED)).socket);
  const again = server.run(
    FLOODED,
    async ({ member }, count) => {
      for (let i = 0; i < count; i++) {
        member('resuming').subscribe('flood', { after: { epoch: '', sequence: 0 } });
        await new Promise((resolve) => setTimeout(resolve));
        member('resuming').unsubscribe('flood');
      }
    },
    20,
  );
  for (let i = 0; i < ROUND_TRIPS; i++) {
    echo.send(`${i}`);
    expect(await echo.next()).toBe(`${i}`);
  }
  await again;
  await stop(1);
  await flooding;
});
