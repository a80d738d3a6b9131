/** What every driver must do, against the real engine. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_SENDER } from '../../src/backplane/backplane.ts';
import type { BackplaneOptions } from '../../src/backplane/load.ts';
import { BackplaneNode } from '../harness/backplane-node.ts';
import { NatsServer, NO_NATS } from '../harness/nats-server.ts';
import { NO_REDIS, RedisServer } from '../harness/redis-server.ts';
import { until } from '../harness/until.ts';

const MANY = 1000;
const KIB = 1024;

interface RunningEngine {
  readonly url: string;
  start(): Promise<void>;
  kill(): Promise<void>;
  end(): Promise<void>;
}

const ENGINES = [
  { name: 'NATS', missing: NO_NATS, start: (): Promise<RunningEngine> => NatsServer.start() },
  { name: 'Redis', missing: NO_REDIS, start: (): Promise<RunningEngine> => RedisServer.start() },
];

describe.each(ENGINES)('a backplane on $name', ({ missing, start }) => {
  if (missing !== undefined) {
    it.skip(`is tested where it can be: ${missing}`);
    return;
  }
  let engine: RunningEngine;
  let nodes: BackplaneNode[];

  beforeEach(async () => {
    nodes = [];
    engine = await start();
  });
  afterEach(async () => {
    await Promise.all(nodes.map(({ backplane }) => backplane.close(1000)));
    await engine.end();
  });

  async function node(name: string, options: Partial<BackplaneOptions> = {}): Promise<BackplaneNode> {
    const started = await BackplaneNode.start(engine.url, name, options);
    nodes.push(started);
    return started;
  }
  const connected = (...all: BackplaneNode[]): Promise<void> =>
    until(() => all.every(({ backplane }) => backplane.state === 'connected'));
  /** Two nodes, of which the second wants the channel, and the first knows it. */
  async function pair(
    channel = 'c',
    options: Partial<BackplaneOptions> = {},
  ): Promise<[BackplaneNode, BackplaneNode]> {
    const one = await node('one', options);
    const other = await node('other', options);
    await connected(one, other);
    other.backplane.want(channel);
    await heard(one, other, channel);
    return [one, other];
  }
  /** A message has come through; it is forgotten again. */
  async function heard(one: BackplaneNode, other: BackplaneNode, channel: string): Promise<void> {
    await until(() => {
      one.publish(channel, 'are you there');
      return other.got.length > 0;
    });
    one.publish(channel, 'from here');
    await until(() => other.texts.includes('from here'));
    other.got.length = 0;
    other.missed.length = 0;
  }

  it('brings a message to a node that wants its channel, with what kind it is', async () => {
    const [one, other] = await pair();
    const data = Buffer.from('bytes');
    one.backplane.publish({ channel: 'c', isBinary: true, compress: false, data, sender: NO_SENDER });
    one.publish('c', '');
    await until(() => other.got.length === 2);
    expect(other.got).toEqual([
      { channel: 'c', text: 'bytes', isBinary: true, compress: false },
      { channel: 'c', text: '', isBinary: false, compress: true },
    ]);
  });

  it('brings it back only where the engine gives the order', async () => {
    const [one, other] = await pair();
    one.backplane.want('c');
    await heard(other, one, 'c');
    one.publish('c', 'to all');
    await until(() => other.texts.includes('to all'));
    other.publish('c', 'behind');
    await until(() => one.texts.includes('behind'));
    const comesBack = one.backplane.order === 'channel';
    expect(one.texts).toEqual(comesBack ? ['to all', 'behind'] : ['behind']);
  });

  it('brings it to no node that does not want it', async () => {
    const [one, other] = await pair();
    one.publish('d', 'to nobody');
    one.publish('c', 'last');
    await until(() => other.texts.includes('last'));
    expect(other.texts).toEqual(['last']);
  });

  it('brings nothing more once a channel is no longer wanted', async () => {
    const [one, other] = await pair();
    other.backplane.want('d');
    other.backplane.unwant('c');
    await heard(one, other, 'd');
    one.publish('c', 'not this');
    one.publish('d', 'but this');
    await until(() => other.got.length > 0);
    expect(other.texts).toEqual(['but this']);
  });

  it.each(['a.b', '*', '>', 'with space', 'ümläut €', 'x'.repeat(255)])(
    'has channels of any name: %j',
    async (name) => {
      const [one, other] = await pair(name);
      one.publish(name, 'hello');
      await until(() => other.got.length > 0);
      expect(other.got[0]).toMatchObject({ channel: name, text: 'hello' });
    },
  );

  it('keeps the order of each node, over many messages', async () => {
    const [one, other] = await pair();
    const third = await node('third');
    await connected(third);
    for (let i = 0; i < MANY; i++) {
      one.publish('c', `one ${i}`);
      third.publish('c', `third ${i}`);
    }
    await until(() => other.got.length === 2 * MANY);
    for (const name of ['one', 'third']) {
      const own = other.texts.filter((text) => text.startsWith(name));
      expect(own).toEqual(Array.from({ length: MANY }, (_, i) => `${name} ${i}`));
    }
    expect(other.missed).toEqual([]);
  });

  it('refuses what is no message of a node, and goes on', async () => {
    const [one, other] = await pair('c', { key: null });
    const stranger = await node('stranger', { key: 'another key, or any at all' });
    await connected(stranger);
    stranger.publish('c', 'sealed with another key');
    one.publish('c', 'behind');
    await until(() => other.texts.includes('behind'));
    expect(other.texts.filter((text) => text.includes('behind'))).toEqual(['behind']);
  });

  it('takes from nodes with the same key only what they have sealed', async () => {
    const key = 'the same key for both';
    const [one, other] = await pair('c', { key });
    const stranger = await node('stranger');
    await connected(stranger);
    const { refused } = other.backplane.totals;
    stranger.publish('c', 'without a seal');
    await until(() => other.backplane.totals.refused > refused);
    one.publish('c', 'sealed');
    await until(() => other.got.length > 0);
    expect(other.texts).toEqual(['sealed']);
  });

  it('keeps what is published while the engine is away, and brings it when it is back', async () => {
    const [one, other] = await pair();
    await engine.kill();
    await until(() => one.backplane.state === 'degraded' && other.backplane.state === 'degraded');
    for (let i = 0; i < 100; i++) one.publish('c', String(i));
    expect(one.backplane.waitingBytes).toBeGreaterThan(0);
    await engine.start();
    await until(() => other.got.length + other.missedCount >= 100);
    expect(other.got.length + other.missedCount).toBe(100);
    expect(one.states.at(-1)).toBe('connected');
  });

  it('drops the oldest when too much waits, and tells whoever wanted it how many', async () => {
    const [one, other] = await pair('c', { maxWaitingBytes: 64 * KIB });
    await engine.kill();
    await until(() => one.backplane.state === 'degraded' && other.backplane.state === 'degraded');
    for (let i = 0; i < MANY; i++) one.publish('c', `${i} `.padEnd(KIB));
    expect(one.backplane.waitingBytes).toBeLessThanOrEqual(64 * KIB);
    const { dropped } = one.backplane.totals;
    expect(dropped).toBeGreaterThan(0);
    await engine.start();
    await until(() => other.got.length + other.missedCount >= MANY);
    expect(other.got.length + other.missedCount).toBe(MANY);
    expect(other.texts.at(-1)?.trim()).toBe(String(MANY - 1));
  });

  it('loses nothing without a word while the engine is killed in the middle of a stream', async () => {
    const [one, other] = await pair();
    let published = 0;
    const timer = setInterval(() => {
      for (let i = 0; i < 20; i++) one.publish('c', String(published++));
    }, 1);
    await until(() => other.got.length > 500);
    await engine.kill();
    await until(() => one.backplane.state === 'degraded');
    await engine.start();
    await until(() => one.backplane.state === 'connected' && other.backplane.state === 'connected');
    const before = published;
    await until(() => published > before + 500);
    clearInterval(timer);
    await until(() => other.got.length + other.missedCount >= published);
    expect(other.got.length + other.missedCount).toBe(published);
    const numbers = other.texts.map(Number);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });

  it('is down, and keeps what is published, until there is an engine', async () => {
    await engine.kill();
    const [one, other] = [await node('one'), await node('other')];
    other.backplane.want('c');
    one.publish('c', 'early');
    expect([one.backplane.state, other.backplane.state]).toEqual(['down', 'down']);
    await engine.start();
    await connected(one, other);
    expect(one.backplane.totals.dropped).toBe(0);
    await until(() => one.backplane.waitingBytes === 0);
  });

  it('forgets a node that has said farewell, without missing anything of it', async () => {
    const [one, other] = await pair();
    one.publish('c', 'the last');
    await one.backplane.close(1000);
    await until(() => other.texts.includes('the last'));
    const again = await node('one');
    await connected(again);
    again.publish('c', 'anew');
    await until(() => other.texts.includes('anew'));
    expect(other.missed).toEqual([]);
  });
});
