import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { Account, openRoom, RoomPublisher } from '../harness/room.ts';
import { until } from '../harness/until.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const LOOPS = 8;
const PUBLISHERS = 4;
const SUBSCRIBERS = 64;
const RUN_MS = IS_LONG ? 10_000 : 1000;

/**
 * Allowed: every subscriber receives the same sequence of messages. Forbidden: a gap, a duplicate, an order of its own, a message
 * that differs from what was published, one publisher's messages out of order, a refused publish.
 */
test(
  'gives every subscriber on every loop the identical sequence when several loops publish at full speed',
  async () => {
    const server = await FixtureServer.start('channels-room.js', { workers: LOOPS });
    const url = server.url('/room');
    const accounts: Account[] = [];
    const perLoop = new Map<number, number>();
    for (let i = 0; i < SUBSCRIBERS; i++) {
      const account = new Account();
      accounts.push(account);
      await openRoom(
        url,
        (text) => account.add(text),
        ({ loop }) => perLoop.set(loop, (perLoop.get(loop) ?? 0) + 1),
      );
    }
    await until(() => [...perLoop.values()].reduce((sum, count) => sum + count, 0) === SUBSCRIBERS);
    expect(perLoop.size).toBe(LOOPS);
    const publishers: RoomPublisher[] = [];
    for (let i = 0; i < PUBLISHERS; i++) publishers.push(await RoomPublisher.open(url, i));
    const busy = (): number => server.server.loops().filter(({ counters }) => counters.published > 0).length;

    for (const publisher of publishers) publisher.start();
    await delay(RUN_MS);
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    const published = publishers.reduce((sum, publisher) => sum + publisher.published, 0);
    await until(() => accounts.every((account) => account.count >= published));

    const digests = new Set(accounts.map((account) => account.digest()));
    expect(accounts.flatMap(({ fault }) => fault ?? [])).toEqual([]);
    expect(new Set(accounts.map(({ count }) => count))).toEqual(new Set([published]));
    expect(digests.size).toBe(1);
    expect(busy()).toBe(PUBLISHERS);
    console.log(`${published} messages to ${SUBSCRIBERS} subscribers on ${LOOPS} loops: ${[...digests]}`);
    expect(server.generations).toEqual(Array(LOOPS).fill(1));
    await server.close();
  },
  RUN_MS + 60_000,
);
