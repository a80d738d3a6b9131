import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ChannelServer, take, takeUntil } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';

const LOOPS = 2;
/** More than a loop delivers in one batch (src/workers/fan-out.ts). */
const MANY = 10_000;
let server: ChannelServer;
let channel: string;
let channels = 0;
let client: Client;

beforeAll(async () => {
  server = await ChannelServer.start({ workers: LOOPS });
});
afterAll(() => server.close());

beforeEach(async () => {
  channel = `channel ${channels++}`;
  client = await server.join('a');
});

const numbers = (count: number, from = 1): string[] => Array.from({ length: count }, (_, i) => `${from + i}`);

test('delivers what is published after subscribe, and nothing before it, when the loop lags behind the log', async () => {
  const result = await server.run(
    0,
    ({ loop, member }, channel, many) => {
      for (let i = 1; i <= many; i++) loop.publish(channel, `${i}`);
      const result = member('a').subscribe(channel);
      for (let i = 1; i <= many; i++) loop.publish(channel, `${many + i}`);
      return result;
    },
    channel,
    MANY,
  );
  expect(result).toMatchObject({ ok: true, sequence: MANY, missed: 0, complete: true });
  expect(await take(client, MANY)).toEqual(numbers(MANY, MANY + 1));
});

test('gives each of many subscribers exactly what was published after it subscribed when the loop lags', async () => {
  const count = 20;
  const between = 500;
  const clients = await Promise.all(numbers(count).map((number) => server.join(number)));
  await server.run(
    0,
    ({ loop, member }, channel, count, between) => {
      for (let i = 1; i <= count; i++) {
        for (let k = 0; k < between; k++) loop.publish(channel, 'between');
        member(`${i}`).subscribe(channel);
        loop.publish(channel, `${i}`);
      }
      loop.publish(channel, 'the end');
    },
    channel,
    count,
    between,
  );
  for (const [index, client] of clients.entries()) {
    const received = await takeUntil(client, 'the end');
    expect(received.filter((message) => message !== 'between')).toEqual(numbers(count - index, index + 1));
    expect(received.length).toBe(count - index + (count - index - 1) * between);
  }
});

test('begins behind the sequence that it returned when another loop publishes all the time', async () => {
  const rounds = 100;
  const publishing = server.run(
    1,
    async ({ loop, notes }, channel) => {
      // The text of each message is its sequence: nobody else publishes here.
      for (let i = 1; notes.length === 0; i++) {
        if (!loop.publish(channel, `${i}`).ok) throw new Error('refused');
        if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    channel,
  );
  await server.run(
    0,
    async ({ member }, channel, rounds) => {
      const ws = member('a');
      for (let round = 0; round < rounds; round++) {
        ws.send(JSON.stringify(ws.subscribe(channel)));
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
  let delivered = 0;
  for (let round = 0; round < rounds; round++) {
    const { sequence } = JSON.parse(String(await client.next())) as { sequence: number };
    const received = await takeUntil(client, 'unsubscribed');
    expect(received).toEqual(numbers(received.length, sequence + 1));
    delivered += received.length;
  }
  expect(delivered).toBeGreaterThan(rounds);
});

test('delivers to both from where each began when one resumes and then another subscribes while the loop lags', async () => {
  const later = await server.join('later');
  await server.run(
    0,
    ({ loop, member }, channel) => {
      const start = loop.history(channel);
      for (let i = 1; i <= 3; i++) loop.publish(channel, `${i}`);
      member('a').subscribe(channel, { after: start });
      for (let i = 4; i <= 6; i++) loop.publish(channel, `${i}`);
      member('later').subscribe(channel);
      for (let i = 7; i <= 9; i++) loop.publish(channel, `${i}`);
    },
    channel,
  );
  expect(await take(later, 3)).toEqual(['7', '8', '9']);
  await server.run(0, ({ loop }, channel) => loop.publish(channel, 'the end'), channel);
  expect(await takeUntil(client, 'the end')).toEqual(numbers(9));
});

test('delivers nothing more after unsubscribe when the loop lags behind the log', async () => {
  await server.run(
    0,
    ({ loop, member }, channel, many) => {
      const ws = member('a');
      ws.subscribe(channel);
      for (let i = 0; i < many; i++) loop.publish(channel, 'while subscribed');
      ws.unsubscribe(channel);
      ws.send('unsubscribed');
      for (let i = 0; i < many; i++) loop.publish(channel, 'after');
      ws.subscribe(`${channel} of the end`);
      loop.publish(`${channel} of the end`, 'the end');
    },
    channel,
    MANY,
  );
  expect(await takeUntil(client, 'the end')).toEqual(['unsubscribed']);
});

test('delivers nothing more after unsubscribe when a batch is under way', async () => {
  await server.run(
    0,
    async ({ loop, member }, channel, many) => {
      const ws = member('a');
      ws.subscribe(channel);
      ws.subscribe(`${channel} of the end`);
      for (let i = 0; i < many; i++) loop.publish(channel, `${i}`);
      // By then the loop has delivered the first batches.
      for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
      ws.unsubscribe(channel);
      ws.send('unsubscribed');
      loop.publish(`${channel} of the end`, 'the end');
    },
    channel,
    MANY,
  );
  const before = await takeUntil(client, 'unsubscribed');
  expect(before).toEqual(Array.from({ length: before.length }, (_, i) => `${i}`));
  expect(before.length).toBeGreaterThan(0);
  expect(before.length).toBeLessThan(MANY);
  expect(await takeUntil(client, 'the end')).toEqual([]);
});

test('delivers only what came after the second subscribe when a connection subscribes anew', async () => {
  await server.run(
    0,
    ({ loop, member }, channel) => {
      const ws = member('a');
      ws.subscribe(channel);
      loop.publish(channel, '1');
      ws.unsubscribe(channel);
      loop.publish(channel, '2');
      ws.subscribe(channel);
      loop.publish(channel, '3');
      ws.unsubscribe(channel);
      ws.subscribe(channel);
      loop.publish(channel, '4');
    },
    channel,
  );
  expect(await client.next()).toBe('4');
});

test('delivers each message once when a connection subscribes again without unsubscribing', async () => {
  const results = await server.run(
    0,
    ({ loop, member }, channel) => {
      const ws = member('a');
      const first = ws.subscribe(channel);
      loop.publish(channel, '1');
      const second = ws.subscribe(channel);
      loop.publish(channel, '2');
      return [first, second, loop.subscriberCount(channel)];
    },
    channel,
  );
  const [first, second] = [
    { ok: true, sequence: 0, missed: 0 },
    { ok: true, sequence: 1, missed: 1 },
  ];
  expect(results).toMatchObject([first, second, 1]);
  expect(await take(client, 2)).toEqual(['1', '2']);
});

test('starts over from there when a subscribed connection subscribes with a position', async () => {
  const result = await server.run(
    0,
    ({ loop, member }, channel) => {
      const ws = member('a');
      const start = ws.subscribe(channel);
      for (let i = 1; i <= 3; i++) loop.publish(channel, `${i}`);
      if (!start.ok) throw new Error(start.reason);
      ws.send('again');
      const result = ws.subscribe(channel, { after: { epoch: start.epoch, sequence: 1 } });
      loop.publish(channel, '4');
      return [result, loop.subscriberCount(channel)];
    },
    channel,
  );
  expect(result).toMatchObject([{ ok: true, sequence: 3, missed: 2, complete: true }, 1]);
  expect(await take(client, 4)).toEqual(['again', '2', '3', '4']);
});
