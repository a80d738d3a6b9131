import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ChannelServer, take, takeUntil } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';

const LOG_BYTES = 1024 * 1024;
/** More than is copied out of the log at once (src/shared/history.ts), and than a loop delivers in one batch. */
const MANY = 5000;
let server: ChannelServer;
let channel: string;
let channels = 0;
let client: Client;

beforeAll(async () => {
  server = await ChannelServer.start({ workers: 2, logBytes: LOG_BYTES });
});
afterAll(() => server.close());

beforeEach(async () => {
  channel = `resumed ${channels++}`;
  client = await server.join('a');
});

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

test('sends what was missed after what the callback sends, and then what comes, when a connection resumes', async () => {
  const result = await server.run(
    0,
    ({ loop, member }, channel, many) => {
      for (let i = 1; i <= many; i++) loop.publish(channel, `${i}`);
      const { epoch } = loop.history(channel);
      const ws = member('a');
      const result = ws.subscribe(channel, { after: { epoch, sequence: 10 } });
      ws.send('sent by the callback');
      for (let i = many + 1; i <= 2 * many; i++) loop.publish(channel, `${i}`);
      return result;
    },
    channel,
    MANY,
  );
  expect(result).toMatchObject({ ok: true, sequence: MANY, missed: MANY - 10, complete: true });
  expect(await client.next()).toBe('sent by the callback');
  expect(await take(client, 2 * MANY - 10)).toEqual(numbers(11, 2 * MANY));
});

test('sends nothing twice and leaves nothing out when a connection subscribes from where history ended', async () => {
  const publishing = server.run(
    1,
    async ({ loop, notes }, channel) => {
      for (let i = 1; notes.length === 0; i++) {
        loop.publish(channel, `${i}`);
        if (i % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    channel,
  );
  const rounds = 50;
  await server.run(
    0,
    async ({ loop, member }, channel, rounds) => {
      const ws = member('a');
      for (let round = 0; round < rounds; round++) {
        const history = loop.history(channel, { limit: 20 });
        ws.send(JSON.stringify(history.messages.map(({ data }) => data)));
        // Other loops go on publishing between the two.
        await new Promise((resolve) => setTimeout(resolve));
        const result = ws.subscribe(channel, { after: history });
        if (!result.ok || !result.complete) throw new Error(JSON.stringify(result));
        await new Promise((resolve) => setTimeout(resolve));
        ws.unsubscribe(channel);
        ws.send('unsubscribed');
      }
    },
    channel,
    rounds,
  );
  await server.run(1, ({ notes }) => notes.push('enough'));
  await publishing;
  for (let round = 0; round < rounds; round++) {
    const held = JSON.parse(String(await client.next())) as string[];
    const received = [...held, ...(await takeUntil(client, 'unsubscribed'))];
    const first = Number(received[0] ?? 1);
    expect(received).toEqual(numbers(first, first + received.length - 1));
  }
});

test('keeps text, binary and empty messages as they were when they are sent again', async () => {
  await server.run(
    0,
    ({ loop, member }, channel) => {
      const start = loop.history(channel);
      loop.publish(channel, '');
      loop.publish(channel, new Uint8Array());
      loop.publish(channel, 'ß🦉');
      loop.publish(channel, new Uint8Array([1, 255]));
      loop.publish(channel, 'ß', { binary: true });
      loop.publish(channel, Buffer.from('ß'), { binary: false });
      member('a').subscribe(channel, { after: start });
    },
    channel,
  );
  expect(await take(client, 6)).toEqual([
    '',
    Buffer.alloc(0),
    'ß🦉',
    Buffer.from([1, 255]),
    Buffer.from('ß'),
    'ß',
  ]);
});

test('sends only the newest, and says that this is incomplete, when more was missed than the limit', async () => {
  const results = await server.run(
    0,
    ({ loop, member }, channel) => {
      const start = loop.history(channel);
      for (let i = 1; i <= 20; i++) loop.publish(channel, `${i}`);
      const ws = member('a');
      return [0, 5, 20, 21].map((limit) => {
        ws.unsubscribe(channel);
        return ws.subscribe(channel, { after: start, limit });
      });
    },
    channel,
  );
  expect(results).toMatchObject([
    { missed: 0, complete: false, sequence: 20 },
    { missed: 5, complete: false },
    { missed: 20, complete: true },
    { missed: 20, complete: true },
  ]);
  // Each subscription but the last was over before anything was sent.
  expect(await take(client, 20)).toEqual(numbers(1, 20));
  await server.run(0, ({ loop }, channel) => loop.publish(channel, '21'), channel);
  expect(await client.next()).toBe('21');
});

test('sends all that is held, and says that this is incomplete, when the log holds no longer what was missed', async () => {
  const start = await server.run(0, ({ loop }, channel) => loop.history(channel), channel);
  const bytes = 1000;
  const total = (2 * LOG_BYTES) / 1024;
  await server.run(
    0,
    async ({ loop }, channel, total, bytes) => {
      for (let i = 1; i <= total; i++) {
        // Full only until every loop has had a turn.
        while (!loop.publish(channel, `${i} `.padEnd(bytes, '.')).ok)
          await new Promise((resolve) => setImmediate(resolve));
      }
    },
    channel,
    total,
    bytes,
  );
  const result = await server.run(
    0,
    ({ member }, channel, start) => member('a').subscribe(channel, { after: start }),
    channel,
    start,
  );
  const held = LOG_BYTES / 1088;
  if (!result.ok) throw new Error(result.reason);
  expect(result).toMatchObject({ ok: true, sequence: total, complete: false });
  expect(result.missed).toBeGreaterThan(held / 2);
  expect(result.missed).toBeLessThan(total);
  const received = await take(client, result.missed);
  expect(received.map((message) => String(message).split(' ')[0])).toEqual(
    numbers(total - result.missed + 1, total),
  );
});

test('starts over when a connection resumes again before what it missed was sent', async () => {
  await server.run(
    0,
    ({ loop, member }, channel) => {
      for (let i = 1; i <= 10; i++) loop.publish(channel, `${i}`);
      const { epoch } = loop.history(channel);
      const ws = member('a');
      for (const sequence of [0, 3, 7, 5]) ws.subscribe(channel, { after: { epoch, sequence } });
      loop.publish(channel, '11');
    },
    channel,
  );
  expect(await take(client, 6)).toEqual(numbers(6, 11));
});

test('sends nothing more when a connection unsubscribes right after it resumed', async () => {
  await server.run(
    0,
    ({ loop, member }, channel) => {
      const start = loop.history(channel);
      for (let i = 1; i <= 10; i++) loop.publish(channel, `${i}`);
      member('a').subscribe(channel, { after: start });
      member('a').unsubscribe(channel);
      member('a').subscribe(`${channel} of the end`);
      loop.publish(channel, '11');
      loop.publish(`${channel} of the end`, 'the end');
    },
    channel,
  );
  expect(await client.next()).toBe('the end');
});

test('tells a subscriber that subscribes again where its next message stands when the loop lags behind', async () => {
  const result = await server.run(
    0,
    ({ loop, member }, channel) => {
      const ws = member('a');
      ws.subscribe(channel);
      for (let i = 1; i <= 10; i++) loop.publish(channel, `${i}`);
      return ws.subscribe(channel);
    },
    channel,
  );
  if (!result.ok) throw new Error(result.reason);
  expect(await client.next()).toBe(`${result.sequence - result.missed + 1}`);
});
