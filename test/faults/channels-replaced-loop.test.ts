import { afterEach, beforeEach, expect, test } from 'vitest';
import { ChannelServer, take, takeUntil } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';
import { until } from '../harness/until.ts';

const LOOPS = 3;
const AT_FAULT = 1;
const LOG_BYTES = 256 * 1024;
let server: ChannelServer;
/** A subscriber of `channel` on each loop. */
let clients: Client[];

beforeEach(async () => {
  server = await ChannelServer.start({ workers: LOOPS, logBytes: LOG_BYTES });
  clients = await Promise.all([0, 1, 2].map((loop) => server.join('a', loop)));
  await server.runOnAll(({ member }) => member('a').subscribe('channel'));
});
afterEach(() => server.close());

/** How a loop comes to be replaced. */
const FAULTS = {
  'throws in a timer': () =>
    void setTimeout(() => {
      throw new Error('thrown in a timer');
    }),
  'leaves a rejected promise': () =>
    void setTimeout(() => void Promise.reject(new Error('rejected, and nobody cares'))),
  exits: () => void setTimeout(() => process.exit(7)),
};

const isReplaced = (generation = 2): boolean => {
  const loop = server.server.loops()[AT_FAULT];
  return loop?.generation === generation && loop.state === 'ready';
};

test.each(Object.entries(FAULTS))(
  'takes its subscriptions out of the counts, and keeps what was published, when a loop %s',
  async (_, fault) => {
    await server.run(0, ({ loop }) => loop.publish('channel', '1'));
    const before = await server.run(2, ({ loop }) => loop.history('channel'));
    await server.run(AT_FAULT, fault);
    await clients[AT_FAULT]?.closed;
    const count = (): Promise<number> => server.run(0, ({ loop }) => loop.subscriberCount('channel'));
    await until(async () => (await count()) === LOOPS - 1);
    await server.run(0, ({ loop }) => loop.publish('channel', '2'));
    await until(isReplaced);
    await server.reconnect(AT_FAULT);
    await server.run(0, ({ loop }) => loop.publish('channel', '3'));
    expect(await server.subscriberCounts('channel')).toEqual(Array(LOOPS).fill(LOOPS - 1));

    const successor = await server.join('a', AT_FAULT);
    const result = await server.run(
      AT_FAULT,
      ({ loop, member }, before) => {
        const result = member('a').subscribe('channel', { after: before });
        loop.publish('channel', '4');
        return result;
      },
      before,
    );
    expect(result).toEqual({ ok: true, epoch: before.epoch, sequence: 3, missed: 2, complete: true });
    expect(await take(successor, 3)).toEqual(['2', '3', '4']);
    for (const loop of [0, 2]) expect(await take(clients[loop] as Client, 4)).toEqual(['1', '2', '3', '4']);
    expect(await server.subscriberCounts('channel')).toEqual(Array(LOOPS).fill(LOOPS));
  },
);

test('goes on publishing many times what the log holds while a loop is replaced', async () => {
  await server.run(AT_FAULT, FAULTS.exits);
  const published = await server.run(
    0,
    async ({ loop }, atFault, least) => {
      let published = 0;
      while (published < least || loop.loops()[atFault]?.generation === 1) {
        if (loop.publish('channel', `${published + 1} `.padEnd(1000, '.')).ok) published++;
        await new Promise((resolve) => setTimeout(resolve));
      }
      return published;
    },
    AT_FAULT,
    (8 * LOG_BYTES) / 1000,
  );
  await server.run(0, ({ loop }) => loop.publish('channel', 'the end'));
  for (const loop of [0, 2]) {
    const received = await takeUntil(clients[loop] as Client, 'the end');
    expect(received.map((message) => Number.parseInt(String(message), 10))).toEqual(
      Array.from({ length: published }, (_, i) => i + 1),
    );
  }
});

test('delivers to the successors what a connection of the loop before published when it was replaced', async () => {
  // The first that publishes on each generation has that generation's first number.
  const start = await server.run(AT_FAULT, ({ loop, member }) => {
    const start = loop.history('channel');
    member('a').publish('channel', 'from the generation before');
    return start;
  });
  expect(await clients[0]?.next()).toBe('from the generation before');
  await server.run(AT_FAULT, FAULTS.exits);
  await until(isReplaced);
  await server.reconnect(AT_FAULT);
  const successor = await server.join('a', AT_FAULT);
  await server.run(
    AT_FAULT,
    ({ member }, start) => {
      member('a').publish('elsewhere', 'takes a number');
      member('a').subscribe('channel', { after: start });
    },
    start,
  );
  expect(await successor.next()).toBe('from the generation before');
});

test('counts right, and delivers to all, when the same loop is replaced again and again', async () => {
  for (let generation = 2; generation <= 4; generation++) {
    await server.run(AT_FAULT, FAULTS.exits);
    await until(() => isReplaced(generation));
    await server.reconnect(AT_FAULT);
    const successor = await server.join('a', AT_FAULT);
    await server.run(AT_FAULT, ({ member }) => member('a').subscribe('channel'));
    expect(await server.subscriberCounts('channel')).toEqual(Array(LOOPS).fill(LOOPS));
    await server.run(2, ({ loop }, generation) => loop.publish('channel', `${generation}`), generation);
    for (const client of [clients[0], clients[2], successor])
      expect(await client?.next()).toBe(`${generation}`);
  }
});
