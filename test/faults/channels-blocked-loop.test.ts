import { afterEach, beforeEach, expect, test } from 'vitest';
import { ChannelServer, take } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';
import { Gate, standAtGate } from '../harness/gate.ts';
import { until } from '../harness/until.ts';

const LOOPS = 3;
const BLOCKED = 0;
const LOG_BYTES = 256 * 1024;
/** A record of 16 units of 64 bytes, header included (src/shared/log.ts). */
const MESSAGE_BYTES = 1000;
const RECORD_BYTES = 1088;
let gate: Gate;
let server: ChannelServer;
/** A subscriber of `channel` on each loop. */
let clients: Client[];

beforeEach(async () => {
  gate = new Gate();
  server = await ChannelServer.start({ workers: LOOPS, logBytes: LOG_BYTES });
  clients = await Promise.all([0, 1, 2].map((loop) => server.join('a', loop)));
  await server.runOnAll(({ member }) => member('a').subscribe('channel'));
});
afterEach(async () => {
  gate.open();
  await server.close();
});

/** Publishes numbered messages until one is refused; gives how many were not, and why that one was. */
const publishUntilRefused = (loop: number, from: number): Promise<{ published: number; reason: string }> =>
  server.run(
    loop,
    async ({ loop }, from, bytes) => {
      for (let published = 0; ; published++) {
        const result = loop.publish('channel', `${from + published} `.padEnd(bytes, '.'));
        if (!result.ok) return { published, reason: result.reason };
        if (result.sequence !== from + published) throw new Error(`sequence ${result.sequence}`);
        // The other loops read meanwhile.
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
    from,
    MESSAGE_BYTES,
  );

const numbersOf = (messages: (string | Buffer)[]): number[] =>
  messages.map((message) => Number.parseInt(String(message), 10));
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

test('refuses with log-full, overwrites nothing, and delivers all in order afterwards when one loop is blocked', async () => {
  const blocked = server.run(BLOCKED, standAtGate);
  await gate.arrived();
  const { published, reason } = await publishUntilRefused(1, 1);
  expect(reason).toBe('log-full');
  // Up to a record, and what a record leaves free at the end of the ring, the log was used.
  expect(published).toBeGreaterThan(LOG_BYTES / RECORD_BYTES - 4);
  expect(server.server.publish('channel', 'x'.repeat(MESSAGE_BYTES))).toEqual({
    ok: false,
    reason: 'log-full',
  });
  expect(await publishUntilRefused(2, published + 1)).toEqual({ published: 0, reason: 'log-full' });

  for (const client of clients.slice(1)) {
    expect(numbersOf(await take(client, published))).toEqual(range(1, published));
  }
  const history = await server.run(2, ({ loop }) => loop.history('channel', { limit: 10_000 }));
  expect(history).toMatchObject({ sequence: published, complete: true });
  expect(history.messages.length).toBe(published);

  gate.open();
  await blocked;
  expect(numbersOf(await take(clients[BLOCKED] as Client, published))).toEqual(range(1, published));
  const next = (): Promise<boolean> => server.run(2, ({ loop }) => loop.publish('channel', 'again').ok);
  await until(next);
  for (const client of clients) expect(await client.next()).toBe('again');
  const { sequence } = await server.run(1, ({ loop }) => loop.history('channel'));
  expect(sequence).toBe(published + 1);
});

test('lets connections of other loops subscribe, count, look back and resume when one loop is blocked and the log is full', async () => {
  // A new connection might be handed to the blocked loop.
  const newcomer = await server.join('newcomer', 1);
  const blocked = server.run(BLOCKED, standAtGate);
  await gate.arrived();
  const { published } = await publishUntilRefused(1, 1);
  const results = await server.run(1, ({ loop, member }) => {
    const ws = member('newcomer');
    const { epoch } = loop.history('channel', { limit: 0 });
    return [
      ws.subscribe('another'),
      loop.subscriberCount('another'),
      ws.unsubscribe('another'),
      ws.subscribe('channel', { after: { epoch, sequence: 5 } }),
      loop.subscriberCount('channel'),
    ];
  });
  expect(results).toMatchObject([
    { ok: true },
    1,
    true,
    { ok: true, sequence: published, missed: published - 5, complete: true },
    LOOPS + 1,
  ]);
  expect(numbersOf(await take(newcomer, published - 5))).toEqual(range(6, published));
  gate.open();
  await blocked;
});

test('frees the log when the blocked loop ends', async () => {
  await server.run(BLOCKED, ({ gate }) => {
    setImmediate(() => {
      Atomics.add(gate, 1, 1);
      Atomics.wait(gate, 0, 0);
      process.exit(7);
    });
  });
  await gate.arrived();
  const { published } = await publishUntilRefused(1, 1);
  gate.open();
  await until(() => server.run(1, ({ loop }) => loop.publish('channel', 'again').ok));
  for (const client of clients.slice(1)) {
    expect(numbersOf(await take(client, published))).toEqual(range(1, published));
    expect(await client.next()).toBe('again');
  }
  expect((await clients[BLOCKED]?.closed)?.code).toBe(1012);
});
