import { expect, test } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { Account, openRoom, RawSubscriber, RoomPublisher } from '../harness/room.ts';
import { until } from '../harness/until.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const LOOPS = 8;
const PUBLISHERS = 4;
/** Beside them, one on each loop that looks at every message. */
const RAW_SUBSCRIBERS = 56;
const RUN_MS = 10_000;
const SHORT_MESSAGES = 4000;

/**
 * Allowed: every subscriber receives the same sequence of messages. Forbidden: a gap, a duplicate, an order of its own, a message
 * that differs from what was published, one publisher's messages out of order, a refused publish.
 */
test(
  'gives every subscriber on every loop the identical sequence when several loops publish at full speed',
  async () => {
    const server = await FixtureServer.start('channels-room.js', { workers: LOOPS });
    const accounts = new Map<number, Account>();
    while (accounts.size < LOOPS) {
      const account = new Account();
      const { client, result } = await openRoom(server.url('/room'), (text) => account.add(text));
      if (accounts.has(result.loop)) client.socket.close();
      else accounts.set(result.loop, account);
    }
    const raw: RawSubscriber[] = [];
    while (raw.length < RAW_SUBSCRIBERS) raw.push(await RawSubscriber.open(server.port, '/room'));
    expect(new Set(raw.map(({ loop }) => loop)).size).toBe(LOOPS);
    const publishers: RoomPublisher[] = [];
    while (publishers.length < PUBLISHERS)
      publishers.push(await RoomPublisher.open(server.url('/room'), publishers.length));
    const published = (): number => publishers.reduce((sum, publisher) => sum + publisher.published, 0);

    const startMs = performance.now();
    for (const publisher of publishers) publisher.start();
    await until(() => (IS_LONG ? performance.now() - startMs > RUN_MS : published() >= SHORT_MESSAGES));
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    const read = [...accounts.values()];
    await until(() => read.every(({ count }) => count >= published()));

    expect(read.flatMap(({ fault }) => fault ?? [])).toEqual([]);
    expect(new Set(read.map(({ count }) => count))).toEqual(new Set([published()]));
    const [{ bytes } = new Account()] = read;
    await until(() => raw.every((subscriber) => subscriber.bytes >= bytes));
    expect(new Set(raw.map((subscriber) => subscriber.bytes))).toEqual(new Set([bytes]));
    const digests = new Set([...read, ...raw].map((subscriber) => subscriber.digest()));
    expect(digests.size).toBe(1);
    await server.total('published');
    const perLoop = server.server.loops().map(({ counters }) => counters.published);
    expect(perLoop.filter((count) => count > 0).length).toBe(PUBLISHERS);
    console.log(
      `${published()} messages from ${PUBLISHERS} loops, on ${LOOPS} loops: sha256 ${[...digests]}`,
    );
    expect(server.generations).toEqual(Array(LOOPS).fill(1));
    await server.close();
  },
  RUN_MS + 60_000,
);
