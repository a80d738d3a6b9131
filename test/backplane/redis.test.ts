/** What only Redis does: one order over all nodes, numbers, and what was published before. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BackplaneOptions } from '../../src/backplane/load.ts';
import { BackplaneNode } from '../harness/backplane-node.ts';
import { NO_REDIS, RedisServer } from '../harness/redis-server.ts';
import { until } from '../harness/until.ts';

const SECOND_MS = 1000;
const OUTAGE_MS = 15 * SECOND_MS;
const KIB = 1024;

describe.skipIf(NO_REDIS !== undefined)('a backplane on Redis', { timeout: 60 * SECOND_MS }, () => {
  let redis: RedisServer;
  let nodes: BackplaneNode[];

  beforeEach(async () => {
    nodes = [];
    redis = await RedisServer.start();
  });
  afterEach(async () => {
    await Promise.all(nodes.map(({ backplane }) => backplane.close(SECOND_MS)));
    await redis.end();
  });

  async function node(name: string, options: Partial<BackplaneOptions> = {}): Promise<BackplaneNode> {
    const started = await BackplaneNode.start(redis.url, name, options);
    nodes.push(started);
    await until(() => started.backplane.state === 'connected');
    return started;
  }

  /** Nodes that all want the channel `c`, which is placed on all of them. */
  async function wanting(count: number, options: Partial<BackplaneOptions> = {}): Promise<BackplaneNode[]> {
    const all = await Promise.all(Array.from({ length: count }, (_, i) => node(`node-${i}`, options)));
    for (const { backplane } of all) backplane.want('c');
    await until(() => all.every(({ placed }) => placed.length === 1));
    return all;
  }

  /** Publishes on all nodes in turn, as fast as the loop turns, until `isOver`; gives how many. */
  async function storm(
    all: readonly BackplaneNode[],
    during: () => Promise<unknown>,
    bytes = 0,
  ): Promise<number> {
    let published = 0;
    const publish = (): void => {
      for (const [index, each] of all.entries()) each.publish('c', `${index} ${published++} `.padEnd(bytes));
    };
    const timer = setInterval(publish, 1);
    try {
      await during();
    } finally {
      clearInterval(timer);
    }
    return published;
  }

  /** Every node has got the same, each once; what is missing is known on each. */
  function expectSame(all: readonly BackplaneNode[], published: number): void {
    for (const each of all) {
      expect(each.accounted).toBe(published);
      expect(new Set(each.texts).size).toBe(each.texts.length);
    }
  }

  it('brings all messages of a channel to all nodes in the same order', async () => {
    const all = await wanting(3);
    const published = await storm(all, () => until(() => (all[0]?.got.length ?? 0) > 3000));
    await until(() => all.every((each) => each.got.length === published));
    const [first, ...others] = all.map(({ texts }) => texts);
    for (const other of others) expect(other).toEqual(first);
    expectSame(all, published);
  });

  it('gives back who is not to get a message, to the node that published it alone', async () => {
    const [one, other] = (await wanting(2)) as [BackplaneNode, BackplaneNode];
    const sender = { thread: 3, connection: 2 ** 32 - 1 };
    one.publish('c', 'hello', sender);
    await until(() => one.got.length + other.got.length === 2);
    expect(one.senders).toEqual([sender]);
    expect(other.senders).toEqual([{ thread: 0, connection: 0 }]);
  });

  it('brings what a node publishes right after it wants the channel', async () => {
    const one = await node('one');
    for (let i = 0; i < 20; i++) {
      const channel = `c${i}`;
      one.backplane.want(channel);
      one.publish(channel, 'first');
      await until(() => one.got.length === i + 1);
    }
    expect(one.missed).toEqual([]);
  });

  it('says to a node that comes later where the channel stands', async () => {
    const [one] = (await wanting(1)) as [BackplaneNode];
    for (let i = 1; i <= 5; i++) one.publish('c', String(i));
    await until(() => one.got.length === 5);
    const late = await node('late');
    late.backplane.want('c');
    await until(() => late.placed.length === 1);
    expect(late.placed[0]).toEqual({ channel: 'c', life: one.placed[0]?.life, sequence: 5 });
    expect(late.got).toEqual([]);
  });

  it('gives what was published before, from any sequence on', async () => {
    const [one] = (await wanting(1)) as [BackplaneNode];
    for (let i = 1; i <= 500; i++) one.publish('c', String(i));
    await until(() => one.got.length === 500);
    const late = await node('late');
    late.backplane.want('c');
    const texts = (from: number) =>
      Array.from({ length: Math.max(0, 500 - from) }, (_, i) => String(from + i + 1));
    for (const [index, after] of [0, 490, 500, 600].entries()) {
      late.backplane.replay('c', after);
      await until(() => late.replayed.length > index);
      expect(late.replayed[index]).toEqual({ channel: 'c', after, texts: texts(after) });
    }
  });

  it('answers many that ask for different sequences at once with the whole that covers them', async () => {
    const [one] = (await wanting(1)) as [BackplaneNode];
    for (let i = 1; i <= 300; i++) one.publish('c', String(i));
    await until(() => one.got.length === 300);
    for (const after of [290, 17, 250, 300]) one.backplane.replay('c', after);
    await until(() => one.replayed.some(({ after }) => after === 17));
    one.publish('c', 'behind');
    await until(() => one.texts.includes('behind'));
    expect(one.replayed.length).toBeLessThan(4);
  });

  it('keeps a channel, and what it holds, that a node wants after it has published to it', async () => {
    const [witness] = (await wanting(1)) as [BackplaneNode];
    const author = await node('author');
    for (let i = 1; i <= 5; i++) author.publish('c', String(i));
    await until(() => witness.got.length === 5 && author.backplane.totals.sent === 5);
    author.backplane.want('c');
    await until(() => author.placed.length === 1);
    expect(author.placed).toEqual([{ channel: 'c', life: witness.placed[0]?.life, sequence: 5 }]);
    author.publish('c', '6');
    await until(() => witness.got.length === 6);
    expect([witness.placed.length, witness.missed]).toEqual([1, []]);
  });

  it('does not connect to a database that there is none of', async () => {
    const lost = await BackplaneNode.start(`${redis.url}/99`, 'lost');
    nodes.push(lost);
    await until(() => lost.states.length > 0);
    expect(lost.backplane.state).toBe('down');
  });

  it('gives what Redis still holds when more was asked for', async () => {
    const [one] = (await wanting(1, { history: 100 })) as [BackplaneNode];
    for (let i = 1; i <= 1000; i++) {
      one.publish('c', String(i));
      if (i % 10 === 0) await until(() => one.got.length === i);
    }
    one.backplane.replay('c', 0);
    await until(() => one.replayed.length === 1);
    const { texts } = one.replayed[0] as { texts: string[] };
    expect(texts.length).toBeGreaterThanOrEqual(100);
    expect(texts.length).toBeLessThan(1000);
    expect(texts).toEqual(Array.from({ length: texts.length }, (_, i) => String(1001 - texts.length + i)));
  });

  it('reads what it did not hear when its connections are cut, over and over', async () => {
    const all = await wanting(3);
    const cuts = 5;
    const published = await storm(all, async () => {
      for (let i = 0; i < cuts; i++) {
        const before = all.map(({ got }) => got.length);
        await until(() => all.every(({ got }, index) => got.length > (before[index] ?? 0) + 100));
        await redis.command('CLIENT', 'KILL', 'TYPE', i % 2 === 0 ? 'pubsub' : 'normal');
        await until(() => all.every(({ backplane }) => backplane.totals.reconnects >= i));
      }
      await until(() => all.every(({ backplane }) => backplane.totals.reconnects >= cuts - 1));
    });
    await until(() => all.every((each) => each.accounted >= published));
    expectSame(all, published);
    for (const { texts } of all) expect(texts).toEqual(all[0]?.texts);
    for (const { missed } of all) expect(missed).toEqual([]);
  });

  it('loses nothing that it has room for when Redis is killed and comes back with what it had', async () => {
    const all = await wanting(3, { maxWaitingBytes: 64 * KIB * KIB });
    const published = await storm(all, async () => {
      await until(() => (all[0]?.got.length ?? 0) > 1000);
      await redis.kill();
      await until(() => all.every(({ backplane }) => backplane.state === 'degraded'));
      await redis.start();
      await until(() => all.every(({ backplane }) => backplane.state === 'connected'));
    });
    await until(() => all.every((each) => each.accounted >= published));
    expectSame(all, published);
    for (const { texts, missed, placed } of all) {
      expect(texts).toEqual(all[0]?.texts);
      expect(missed).toEqual([]);
      expect(placed).toHaveLength(1);
    }
  });

  it('keeps within its bound over an outage, and tells every node how many were dropped', async () => {
    const maxWaitingBytes = 64 * KIB;
    const all = await wanting(2, { maxWaitingBytes });
    const published = await storm(all, async () => {
      await until(() => (all[0]?.got.length ?? 0) > 500);
      await redis.kill();
      await until(() => all.every(({ backplane }) => backplane.state === 'degraded'));
      await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
      for (const { backplane } of all) expect(backplane.waitingBytes).toBeLessThan(2 * maxWaitingBytes);
      await redis.start();
    });
    await until(() => all.every((each) => each.accounted >= published));
    expectSame(all, published);
    for (const { missedCount, texts } of all) {
      expect(missedCount).toBeGreaterThan(0);
      expect(texts).toEqual(all[0]?.texts);
    }
  });

  it('notices an engine that stands still without a word, and goes on when another answers', async () => {
    const all = await wanting(2);
    redis.pause();
    for (let i = 0; i < 10; i++) all[0]?.publish('c', String(i));
    await until(() => all.every(({ backplane }) => backplane.state === 'degraded'));
    redis.unpause();
    await until(() => all.every(({ got }) => got.length === 10));
    for (const { texts } of all) expect(texts).toEqual(Array.from({ length: 10 }, (_, i) => String(i)));
  });

  it('reads on when Redis cuts off a listener for whom too much waits', async () => {
    await redis.command('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 1mb 1mb 1');
    const all = await wanting(2, { maxWaitingBytes: 512 * KIB * KIB });
    const count = 400;
    for (let i = 0; i < count; i++) all[0]?.publish('c', `${i} `.padEnd(64 * KIB));
    await until(() => all.every((each) => each.accounted >= count));
    for (const each of all) {
      expect(each.missed).toEqual([]);
      expect(each.texts.map((text) => Number(text))).toEqual(Array.from({ length: count }, (_, i) => i));
    }
  });

  it('tells how many it missed when the stream was cut shorter than it was away', async () => {
    const [one] = (await wanting(1, { history: 100 })) as [BackplaneNode];
    const away = await node('away', { history: 100 });
    away.backplane.want('c');
    await until(() => away.placed.length === 1);
    one.publish('c', 'before');
    await until(() => away.got.length === 1);
    away.backplane.unwant('c');
    const again = await node('again', { history: 100 });
    again.backplane.want('c');
    await until(() => again.placed.length === 1);
    // Its connections are held up while the others go on, which only a proxy between could do better.
    await redis.command('XTRIM', 'test:{c}:s', 'MAXLEN', '0');
    await redis.command('HINCRBY', 'test:{c}:h', 's', '7');
    one.publish('c', 'behind');
    await until(() => again.texts.includes('behind') && one.texts.includes('behind'));
    expect(again.missed).toEqual([{ channel: 'c', count: 7 }]);
    expect(one.missed).toEqual([{ channel: 'c', count: 7 }]);
  });

  it('begins another life when Redis has forgotten the channel', async () => {
    const all = await wanting(2);
    all[0]?.publish('c', 'before');
    await until(() => all.every(({ got }) => got.length === 1));
    await redis.command('FLUSHALL');
    all[0]?.publish('c', 'behind');
    await until(() => all.every(({ texts }) => texts.includes('behind')));
    for (const { placed } of all) {
      expect(placed).toHaveLength(2);
      expect(placed[1]?.life).not.toBe(placed[0]?.life);
      expect(placed[1]).toMatchObject({ channel: 'c', sequence: 0 });
    }
    expect(all[0]?.placed[1]).toEqual(all[1]?.placed[1]);
  });

  it('begins another life when Redis has gone back behind numbers that were given', async () => {
    const all = await wanting(2);
    for (let i = 0; i < 10; i++) all[0]?.publish('c', String(i));
    await until(() => all.every(({ got }) => got.length === 10));
    await redis.command('HSET', 'test:{c}:h', 's', '4');
    await redis.command('XTRIM', 'test:{c}:s', 'MAXLEN', '0');
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(() => all.every(({ placed }) => placed.length === 2));
    expect(all[0]?.placed[1]).toEqual(all[1]?.placed[1]);
    all[1]?.publish('c', 'behind');
    await until(() => all.every(({ texts }) => texts.at(-1) === 'behind'));
  });

  it.each([
    ['no life', 'nonsense'],
    ['a life that is no number', 'x:1:hello'],
    ['a number beyond what numbers are exact to', '1:99999999999999999999:hello'],
    ['nothing', ''],
  ])('refuses %s that somebody has published, and goes on', async (_, text) => {
    const [one] = (await wanting(1)) as [BackplaneNode];
    await redis.command('PUBLISH', 'test:{c}', text);
    await until(() => one.backplane.totals.refused === 1);
    one.publish('c', 'behind');
    await until(() => one.got.length === 1);
    expect(one.missed).toEqual([]);
  });

  it('counts as missed what somebody has put into the stream that is no message', async () => {
    const [one] = (await wanting(1)) as [BackplaneNode];
    await redis.command('HINCRBY', 'test:{c}:h', 's', '1');
    await redis.command('XADD', 'test:{c}:s', '1-1', 'm', 'garbage');
    one.publish('c', 'behind');
    await until(() => one.got.length === 1);
    expect(one.missed).toEqual([{ channel: 'c', count: 1 }]);
  });

  it('goes on with other channels when a key of one is not what it must be, and tells what that lost', async () => {
    const [one] = (await wanting(1)) as [BackplaneNode];
    await redis.command('DEL', 'test:{c}:s');
    await redis.command('SET', 'test:{c}:s', 'in the way');
    one.backplane.want('d');
    one.publish('c', 'lost');
    one.publish('d', 'not lost');
    await until(() => one.texts.includes('not lost'));
    await until(() => one.backplane.totals.dropped === 1);
    await redis.command('DEL', 'test:{c}:s');
    await until(() => one.missedCount >= 1);
    one.publish('c', 'behind');
    await until(() => one.texts.includes('behind'));
    expect(one.texts).toEqual(['not lost', 'behind']);
  });

  it('loads its scripts again when somebody has flushed them', async () => {
    const [one] = (await wanting(1)) as [BackplaneNode];
    await redis.command('SCRIPT', 'FLUSH');
    for (let i = 0; i < 300; i++) one.publish('c', String(i));
    await until(() => one.got.length === 300);
    expect(one.texts).toEqual(Array.from({ length: 300 }, (_, i) => String(i)));
  });

  it('sends nothing to a node of channels that it does not want', async () => {
    const one = await node('one', { maxWaitingBytes: 16 * KIB * KIB });
    const idle = await node('idle');
    idle.backplane.want('other');
    await until(() => idle.placed.length === 1);
    const sent = async (): Promise<number> => {
      const stats = String(await redis.command('INFO', 'stats'));
      return Number(/total_net_output_bytes:(\d+)/.exec(stats)?.[1]);
    };
    const before = await sent();
    for (let i = 0; i < 1000; i++) one.publish('c', 'x'.repeat(KIB));
    await until(() => one.backplane.totals.sent === 1000);
    // Answers only: one message of these to one node would be as much.
    expect((await sent()) - before).toBeLessThan(100 * KIB);
    expect(await redis.command('PUBSUB', 'NUMSUB', 'test:{c}')).toEqual(['test:{c}', 0]);
    expect(idle.got).toEqual([]);
  });
});
