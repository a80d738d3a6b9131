import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ChannelServer } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';
import { watchNeighbour } from '../harness/neighbour.ts';
import { until } from '../harness/until.ts';

const MAX_PER_CONNECTION = 3;
let server: ChannelServer;
let client: Client;

beforeAll(async () => {
  server = await ChannelServer.start({ workers: 1, maxChannelsPerConnection: MAX_PER_CONNECTION });
});
afterAll(() => server.close());
watchNeighbour(() => server.fixture);

beforeEach(async () => {
  client = await server.join('a');
  return async () => {
    client.socket.close();
    await client.closed;
    await until(() => server.run(0, ({ member }) => member('a').isClosed));
  };
});

const INVALID = ['', 'x'.repeat(256), 'ß'.repeat(128), '漢'.repeat(86), '🦉'.repeat(64)];
const LONGEST = ['x'.repeat(255), `x${'ß'.repeat(127)}`, '漢'.repeat(85), `abc${'🦉'.repeat(63)}`];

test('refuses a name as invalid when it is empty or has more than 255 bytes of UTF-8', async () => {
  for (const name of INVALID) {
    const results = await server.run(
      0,
      ({ member, loop }, name) => {
        const ws = member('a');
        return [
          [ws.subscribe(name), ws.publish(name, 'x'), loop.publish(name, 'x')],
          [ws.subscribe(name, { after: { epoch: '', sequence: 0 } })],
          [ws.unsubscribe(name), ws.isSubscribed(name), loop.subscriberCount(name), ws.channels],
          loop.history(name).messages,
        ];
      },
      name,
    );
    const refused = { ok: false, reason: 'invalid-channel' };
    expect(results, name).toEqual([[refused, refused, refused], [refused], [false, false, 0, []], []]);
  }
});

test.each(LONGEST)('takes the name when it has 255 bytes of UTF-8: %s', async (name) => {
  const results = await server.run(
    0,
    ({ member, loop }, name) => {
      const ws = member('a');
      const subscribed = ws.subscribe(name);
      return [subscribed, loop.publish(name, 'x'), loop.subscriberCount(name), ws.unsubscribe(name)];
    },
    name,
  );
  expect(results).toMatchObject([{ ok: true }, { ok: true }, 1, true]);
  expect(await server.run(0, ({ loop }, name) => loop.history(name).messages, name)).toMatchObject([
    { data: 'x' },
  ]);
});

test('refuses a subscription, until one is given back, when the connection has its most channels', async () => {
  const results = await server.run(0, ({ member }) => {
    const ws = member('a');
    return [
      ...['1', '2', '3', '4', '3'].map((name) => ws.subscribe(name)),
      ws.subscribe('3', { after: { epoch: '', sequence: 0 } }),
      ws.channels.length,
      ws.unsubscribe('1'),
      ws.subscribe('4'),
    ];
  });
  const ok = { ok: true };
  const refused = { ok: false, reason: 'too-many-subscriptions' };
  expect(results).toMatchObject([ok, ok, ok, refused, ok, ok, MAX_PER_CONNECTION, true, ok]);
});

/** Calls that are bugs of the app. */
const MISUSES = [
  'ws.subscribe()',
  'ws.subscribe(null)',
  'ws.subscribe(5)',
  'ws.subscribe({})',
  'ws.subscribe(Symbol("x"))',
  'ws.subscribe(new Uint8Array(3))',
  'ws.publish(undefined, "x")',
  'ws.publish(5, "x")',
  'ws.publish("x")',
  'ws.publish("x", null)',
  'ws.publish("x", 5)',
  'ws.publish("x", {})',
  'ws.publish("x", ["x"])',
  'loop.publish()',
  'loop.publish("x", true)',
  'loop.history(5)',
  'loop.subscriberCount(null)',
];

test.each(MISUSES)('closes that connection with 1011 when its callback calls %s', async (call) => {
  await server.run(
    0,
    ({ member, loop }, call) => {
      const ws = member('a');
      ws.subscribe('x');
      ws.onText((ws) => {
        try {
          new Function('ws', 'loop', call)(ws, loop);
        } catch (error) {
          ws.send((error as Error).name);
          throw error;
        }
        ws.send('nothing was thrown');
      });
    },
    call,
  );
  client.send('misuse');
  expect(await client.next()).toBe('TypeError');
  expect((await client.closed).code).toBe(1011);
  expect(await server.run(0, ({ loop }) => loop.subscriberCount('x'))).toBe(0);
});

test('throws RangeError for a limit of history that is neither an integer from 0 nor Infinity', async () => {
  for (const limit of ['-1', '1.5', 'NaN', '-Infinity', '"5"', 'null']) {
    await expect(
      server.run(
        0,
        ({ loop }, limit) => new Function('loop', `loop.history('x', { limit: ${limit} })`)(loop),
        limit,
      ),
      limit,
    ).rejects.toThrow('RangeError');
  }
});
