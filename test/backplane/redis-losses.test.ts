/** The backplane on a real Redis that has lost something, or takes nothing more. */
import { expect, it, onTestFinished } from 'vitest';
import { BackplaneNode } from '../harness/backplane-node.ts';
import { NO_REDIS, RedisServer } from '../harness/redis-server.ts';
import { until } from '../harness/until.ts';

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

if (NO_REDIS !== undefined) console.log(`skipped: ${NO_REDIS}`);

async function start(...args: string[]): Promise<RedisServer> {
  const redis = await RedisServer.start(...args);
  onTestFinished(() => redis.end());
  return redis;
}

/** A node that wants the channel `room`, and knows where that stands. */
async function join(redis: RedisServer, name: string): Promise<BackplaneNode> {
  const node = await BackplaneNode.start(redis.url, name);
  onTestFinished(() => node.backplane.close(0));
  node.backplane.want('room');
  await until(() => node.placed.length > 0);
  return node;
}

it.skipIf(NO_REDIS)('tells of what Redis has lost when as much was published since', async () => {
  const redis = await start('--appendonly', 'no');
  const [author, reader] = [await join(redis, 'author'), await join(redis, 'reader')];
  const say = (from: number, to: number): void =>
    numbers(from, to).forEach((text) => void author.publish('room', text));
  say(1, 10);
  await until(() => reader.got.length === 10);
  await redis.command('SAVE');
  say(11, 20);
  await until(() => reader.got.length === 20);
  await redis.kill();
  await until(() => [author, reader].every(({ backplane }) => backplane.state === 'degraded'));
  say(21, 50);
  await redis.start();
  await until(() => reader.texts.includes('50'));
  const isTold = reader.placed.length > 1 || reader.missed.length > 0;
  // Some were lost with Redis; who is not told has to have them all.
  if (!isTold) expect(reader.texts).toEqual(numbers(1, 50));
});

it.skipIf(NO_REDIS)('leaves Redis in peace when that has no memory left', async () => {
  const redis = await start();
  const node = await join(redis, 'node');
  /** How often since the start. */
  const calls = async (command: string): Promise<number> => {
    const stats = String(await redis.command('INFO', 'commandstats'));
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  };
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  node.publish('room', 'refused');
  await until(() => node.backplane.totals.dropped === 1);
  const [scripts, pings] = [await calls('evalsha'), await calls('ping')];
  // Two each second, which is the clock here.
  await until(async () => (await calls('ping')) >= pings + 4);
  expect((await calls('evalsha')) - scripts).toBeLessThan(50);
});
