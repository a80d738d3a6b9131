import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Headcount } from '../../src/primary/headcount.ts';
import type { ChannelLog } from '../../src/shared/channel-log.ts';
import { SharedLog, underLock } from '../harness/shared-log.ts';

const MAX = 8;

let loop: ChannelLog;
let told: ReadonlyMap<string, number>[];
let canTell: boolean;
let headcount: Headcount;
const wanted = new Map<string, unknown>();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const shared = new SharedLog({ loops: 1, maxChannels: MAX, bridge: 'node' });
  loop = shared.ofLoop(0);
  told = [];
  canTell = true;
  wanted.clear();
  headcount = new Headcount(shared.primary, MAX, (counts) => {
    if (canTell) told.push(counts);
    return canTell;
  });
});
afterEach(() => void vi.useRealTimers());

function subscribers(channel: string, count: number): void {
  underLock(loop, () => {
    loop.name.trySet(channel);
    loop.table.setSubscribers(loop.table.findOrCreate(loop.name), 0, count);
  });
  wanted.set(channel, {});
}

function elsewhere(channel: string): number | undefined {
  return underLock(loop, () => {
    loop.name.trySet(channel);
    const entry = loop.table.find(loop.name);
    return entry === 0 ? undefined : loop.table.elsewhere(entry);
  });
}

const heard = (node: string, counts: Record<string, number>): void =>
  headcount.heard(node, new Map(Object.entries(counts)));
const look = (): [string, number][] => {
  told.length = 0;
  headcount.look(wanted);
  return told.flatMap((counts) => [...counts]);
};

it('tells what has changed, and that it is there when nothing has', () => {
  subscribers('a', 2);
  expect(look()).toEqual([['a', 2]]);
  expect(look()).toEqual([]);
  expect(told).toHaveLength(1);
  subscribers('a', 3);
  expect(look()).toEqual([['a', 3]]);
});

it('tells that a channel has nobody any more when it is no longer wanted', () => {
  subscribers('a', 2);
  look();
  subscribers('a', 0);
  wanted.delete('a');
  expect(look()).toEqual([['a', 0]]);
  expect(look()).toEqual([]);
});

it('tells it again when it could not be told', () => {
  subscribers('a', 2);
  canTell = false;
  look();
  canTell = true;
  expect(look()).toEqual([['a', 2]]);
});

it('tells everything again when it hears a node that is new', () => {
  subscribers('a', 2);
  look();
  heard('other', {});
  expect(look()).toEqual([['a', 2]]);
  heard('other', {});
  expect(look()).toEqual([]);
});

it('adds up what the other nodes say', () => {
  subscribers('a', 1);
  heard('one', { a: 5 });
  heard('two', { a: 7 });
  expect(elsewhere('a')).toBe(12);
  heard('one', { a: 0 });
  expect(elsewhere('a')).toBe(7);
});

it('knows the subscribers of others of a channel that has none here', () => {
  heard('one', { a: 5 });
  expect(elsewhere('a')).toBe(5);
});

it('takes no more than half of the table for those', () => {
  for (let i = 0; i < 2 * MAX; i++) heard('one', { [`c${i}`]: 1 });
  expect(underLock(loop, () => loop.table.count)).toBe(MAX / 2);
});

it('knows them when such a channel gets its first subscriber here', () => {
  for (let i = 0; i < MAX; i++) heard('one', { [`c${i}`]: i + 1 });
  subscribers(`c${MAX - 2}`, 1);
  headcount.apply(`c${MAX - 2}`);
  expect(elsewhere(`c${MAX - 2}`)).toBe(MAX - 1);
});

it('forgets a node that is silent', () => {
  heard('one', { a: 5 });
  heard('two', { a: 7 });
  vi.advanceTimersByTime(4000);
  heard('two', {});
  look();
  expect(elsewhere('a')).toBe(12);
  vi.advanceTimersByTime(1001);
  look();
  expect(elsewhere('a')).toBe(7);
});

it('tells that a channel has nobody any more when that is to be told again', () => {
  subscribers('a', 2);
  look();
  subscribers('a', 0);
  wanted.delete('a');
  heard('new', {});
  expect(look()).toEqual([['a', 0]]);
});
