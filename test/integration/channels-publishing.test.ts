import type { SubscribeResult } from 'polyloop';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChannelServer, take } from '../harness/channel-server.ts';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';

const LOOPS = 4;
let server: ChannelServer;
let channels = 0;

beforeAll(async () => {
  server = await ChannelServer.start({ workers: LOOPS });
});
afterAll(() => server.close());

/** A subscriber on each loop, of a channel that no other test uses. */
async function withSubscribers(): Promise<{ channel: string; clients: Client[] }> {
  const channel = `published ${channels++}`;
  const clients: Client[] = [];
  for (let loop = 0; loop < LOOPS; loop++) {
    const name = `${channel} on ${loop}`;
    clients.push(await server.join(name, loop));
    await server.run(loop, ({ member }, name, channel) => member(name).subscribe(channel), name, channel);
  }
  return { channel, clients };
}

test('reaches the subscribers of every loop when a loop publishes from a timer', async () => {
  const { channel, clients } = await withSubscribers();
  const result = await server.run(
    1,
    ({ loop }, channel) =>
      new Promise((resolve) => {
        setTimeout(() => resolve(loop.publish(channel, 'tick')));
      }),
    channel,
  );
  expect(result).toEqual({ ok: true, sequence: 1 });
  for (const client of clients) expect(await client.next()).toBe('tick');
});

test('reaches the subscribers of every loop when a fetch handler publishes', async () => {
  const { channel, clients } = await withSubscribers();
  const body = JSON.stringify({ channel, text: 'by HTTP' });
  const response = await server.fixture.http('/', { method: 'POST', body });
  expect(await response.json()).toEqual({ ok: true, sequence: 1 });
  for (const client of clients) expect(await client.next()).toBe('by HTTP');
});

test('reaches the subscribers of every loop when a connection publishes because it is closed', async () => {
  const { channel, clients } = await withSubscribers();
  const leaving = await server.join('leaving', 2);
  await server.run(
    2,
    ({ member, loop }, channel) => {
      const ws = member('leaving');
      ws.subscribe(channel);
      void ws.onClose.then(({ code }) => {
        loop.publish(channel, `left with ${code}`);
        ws.publish(channel, 'and once more by the closed connection');
      });
    },
    channel,
  );
  leaving.socket.close(4001);
  for (const client of clients) {
    expect(await take(client, 2)).toEqual(['left with 4001', 'and once more by the closed connection']);
  }
});

test('keeps what every loop published during its setup for those who connect later', async () => {
  const started = await FixtureServer.start('channels-setup.js', { workers: LOOPS });
  const expected = [0, 1, 2, 3].flatMap((loop) => [`at once on loop ${loop}`, `later on loop ${loop}`]);
  for (let loop = 0; loop < LOOPS; loop++) {
    const client = await Client.open(started.url('/'));
    const { sequence, missed } = JSON.parse(String(await client.next())) as SubscribeResult & { ok: true };
    expect([sequence, missed]).toEqual([expected.length, expected.length]);
    const messages = await take(client, expected.length);
    expect(messages.toSorted()).toEqual(expected.toSorted());
  }
  await started.close();
});

test('reaches the subscribers of every loop when the embedding program publishes', async () => {
  const { channel, clients } = await withSubscribers();
  const publish = server.server.publish.bind(server.server);
  expect(publish(channel, 'text')).toEqual({ ok: true, sequence: 1 });
  expect(publish(channel, new Uint8Array([1, 2, 3]))).toEqual({ ok: true, sequence: 2 });
  expect(publish(channel, 'as binary', { binary: true })).toEqual({ ok: true, sequence: 3 });
  expect(publish(channel, Buffer.from('as text'), { binary: false, compress: false })).toEqual({
    ok: true,
    sequence: 4,
  });
  for (const client of clients) {
    expect(await take(client, 4)).toEqual([
      'text',
      Buffer.from([1, 2, 3]),
      Buffer.from('as binary'),
      'as text',
    ]);
  }
});

test('refuses by value, and throws only for wrong types, when the embedding program publishes', () => {
  const publish = server.server.publish.bind(server.server);
  expect(publish('', 'x')).toEqual({ ok: false, reason: 'invalid-channel' });
  expect(publish('x'.repeat(256), 'x')).toEqual({ ok: false, reason: 'invalid-channel' });
  expect(publish('big', new Uint8Array(16 * 1024 * 1024))).toEqual({ ok: false, reason: 'too-large' });
  for (const wrong of [undefined, null, 5, {}, [1], true] as never[]) {
    expect(() => publish('x', wrong), String(wrong)).toThrow(TypeError);
    expect(() => publish(wrong, 'x'), String(wrong)).toThrow(TypeError);
  }
});

test('numbers the messages of a channel without gaps when every loop and the primary publish', async () => {
  const { channel, clients } = await withSubscribers();
  const each = 200;
  const ofLoops = server.runOnAll(
    async ({ loop }, channel, each) => {
      const sequences: number[] = [];
      for (let i = 0; i < each; i++) {
        const result = loop.publish(channel, `${loop.id} ${i}`);
        if (result.ok) sequences.push(result.sequence);
        if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      return sequences;
    },
    channel,
    each,
  );
  const ofPrimary: number[] = [];
  for (let i = 0; i < each; i++) {
    const result = server.server.publish(channel, `primary ${i}`);
    if (result.ok) ofPrimary.push(result.sequence);
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const all = [...(await ofLoops), ofPrimary].flat().sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: each * (LOOPS + 1) }, (_, i) => i + 1));
  const [first = [], ...others] = await Promise.all(clients.map((client) => take(client, all.length)));
  for (const received of others) expect(received).toEqual(first);
});
