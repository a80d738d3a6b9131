import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ChannelServer } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';
import { until } from '../harness/until.ts';

const LOOPS = 8;
let server: ChannelServer;
let channel: string;
let channels = 0;

beforeAll(async () => {
  server = await ChannelServer.start({ workers: LOOPS });
});
afterAll(() => server.close());

beforeEach(() => {
  channel = `counted ${channels++}`;
});

async function subscribeOn(loop: number, name: string): Promise<Client> {
  const client = await server.join(name, loop);
  await server.run(loop, ({ member }, name, channel) => member(name).subscribe(channel), name, channel);
  return client;
}

const onEveryLoop = (count: number): number[] => Array(LOOPS).fill(count);

test('counts the subscribers of all loops, the same on each, when loops have different numbers of them', async () => {
  expect(await server.subscriberCounts(channel)).toEqual(onEveryLoop(0));
  let count = 0;
  for (let loop = 0; loop < LOOPS; loop += 3) {
    for (let i = 0; i <= loop; i++) {
      await subscribeOn(loop, `${loop}.${i}`);
      expect(await server.subscriberCounts(channel)).toEqual(onEveryLoop(++count));
    }
  }
  await server.run(6, ({ member }, channel) => member('6.2').unsubscribe(channel), channel);
  expect(await server.subscriberCounts(channel)).toEqual(onEveryLoop(count - 1));
});

/** Ways in which a connection ends, each by the name of the loop's connection and the client. */
const ENDS: [string, (name: string, client: Client) => unknown][] = [
  ['the client closes', (_, client) => client.socket.close()],
  ['the client is gone without a word', (_, client) => client.socket.terminate()],
  ['the server closes', (name) => server.run(5, ({ member }, name) => member(name).close(), name)],
  ['the server terminates', (name) => server.run(5, ({ member }, name) => member(name).terminate(), name)],
  [
    'its callback throws',
    async (name, client) => {
      await server.run(
        5,
        ({ member }, name) =>
          member(name).onText(() => {
            throw new Error('in a callback');
          }),
        name,
      );
      client.send('throw');
    },
  ],
];

test.each(ENDS)('takes a connection out of the counts of all its channels when %s', async (way, end) => {
  const client = await subscribeOn(5, way);
  await subscribeOn(5, 'stays near');
  await subscribeOn(2, 'stays far');
  const second = `${channel} too`;
  await server.run(5, ({ member }, way, second) => member(way).subscribe(second), way, second);
  expect(await server.subscriberCounts(channel)).toEqual(onEveryLoop(3));
  expect(await server.subscriberCounts(second)).toEqual(onEveryLoop(1));
  await end(way, client);
  await client.closed;
  await until(async () => (await server.run(5, ({ member }, way) => member(way).isClosed, way)) === true);
  expect(await server.subscriberCounts(channel)).toEqual(onEveryLoop(2));
  expect(await server.subscriberCounts(second)).toEqual(onEveryLoop(0));
  const left = await server.run(
    5,
    ({ member }, way, channel) => {
      const ws = member(way);
      return [ws.channels, ws.isSubscribed(channel), ws.unsubscribe(channel), ws.subscribe(channel)];
    },
    way,
    channel,
  );
  expect(left).toEqual([[], false, false, { ok: false, reason: 'closed' }]);
  expect(await server.subscriberCounts(channel)).toEqual(onEveryLoop(2));
});

test('lists the channels of a connection in the order in which it subscribed', async () => {
  await server.join('lists', 1);
  const steps = await server.run(1, ({ member }) => {
    const ws = member('lists');
    const steps: unknown[] = [];
    const note = (): number => steps.push([...ws.channels]);
    note();
    for (const channel of ['b', 'a', 'c', 'a']) ws.subscribe(channel);
    note();
    steps.push(ws.unsubscribe('a'), ws.unsubscribe('a'), ws.unsubscribe('never'));
    note();
    steps.push(ws.isSubscribed('a'), ws.isSubscribed('b'), ws.isSubscribed('never'));
    ws.subscribe('a');
    note();
    return steps;
  });
  expect(steps).toEqual([
    [],
    ['b', 'a', 'c'],
    true,
    false,
    false,
    ['b', 'c'],
    false,
    true,
    false,
    ['b', 'c', 'a'],
  ]);
});

test('gives a list of channels that the app may change without changing the subscriptions', async () => {
  await server.join('list', 3);
  const result = await server.run(
    3,
    ({ member }, channel) => {
      const ws = member('list');
      ws.subscribe(channel);
      (ws.channels as string[]).length = 0;
      return ws.channels;
    },
    channel,
  );
  expect(result).toEqual([channel]);
});

test('counts nobody for a name that no channel can have', async () => {
  expect(await server.subscriberCounts('')).toEqual(onEveryLoop(0));
  expect(await server.subscriberCounts('x'.repeat(256))).toEqual(onEveryLoop(0));
});
