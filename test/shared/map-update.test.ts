import { describe, expect, it } from 'vitest';
import { MutexTimeoutError } from '../../src/errors.ts';
import type { SharedMap } from '../../src/shared/shared.ts';
import { StateMemory } from '../harness/state-memory.ts';

function newMap(): { memory: StateMemory; map: SharedMap; other: SharedMap } {
  const memory = new StateMemory();
  return { memory, map: memory.state(1).map('m'), other: memory.state(2).map('m') };
}

describe('update', () => {
  it('gets the value, stores what the callback returns, and returns it', () => {
    const { map, other } = newMap();
    expect(map.update('n', (n) => ((n as number | undefined) ?? 10) + 1)).toBe(11);
    expect(other.update('n', (n) => (n as number) + 1)).toBe(12);
    expect(map.get('n')).toBe(12);
    const value = { a: 1 };
    expect(map.update('n', () => value)).toBe(value);
  });

  it('calls the callback once', () => {
    const { map } = newMap();
    let calls = 0;
    map.update('n', () => ++calls);
    expect(calls).toBe(1);
  });

  it('deletes when the callback returns undefined', () => {
    const { memory, map } = newMap();
    const { usedBlocks } = memory;
    map.set('n', 1);
    expect(map.update('n', () => undefined)).toBeUndefined();
    expect(map.update('never', () => undefined)).toBeUndefined();
    expect(map.size).toBe(0);
    expect(memory.usedBlocks).toBe(usedBlocks);
  });

  it('changes nothing, and passes the error on, when the callback throws', () => {
    const { memory, map, other } = newMap();
    map.set('list', [1]);
    const { usedBlocks } = memory;
    const error = new Error('from the callback');
    const fail = (value: unknown): never => {
      (value as number[] | undefined)?.push(2);
      throw error;
    };
    expect(() => map.update('list', fail)).toThrow(error);
    expect(() => map.update('new', fail)).toThrow(error);
    expect([...other]).toEqual([['list', [1]]]);
    expect(memory.usedBlocks).toBe(usedBlocks);
  });

  it.each<[string, () => unknown]>([
    ['a promise', () => Promise.resolve(1)],
    ['a thenable', () => Object.assign(Object.create(null), Object.fromEntries([['then', () => {}]]))],
    ['the promise of an async function', async () => 1],
  ])('throws a TypeError, and changes nothing, when the callback returns %s', (_, callback) => {
    const { map } = newMap();
    map.set('n', 1);
    expect(() => map.update('n', callback)).toThrow(
      new TypeError('update of map "m": the callback returned a promise; it must be synchronous'),
    );
    expect(map.get('n')).toBe(1);
  });

  it('throws at once inside another update of the same map, and leaves the map whole', () => {
    const { memory, map, other } = newMap();
    map.set('n', 1);
    const calls: (() => unknown)[] = [
      () => map.get('n'),
      () => map.has('n'),
      () => map.set('n', 2),
      () => map.delete('n'),
      () => map.update('n', () => 2),
      () => map.size,
      () => map.clear(),
      () => [...map],
    ];
    for (const call of calls) {
      expect(() => map.update('n', call)).toThrow(
        new MutexTimeoutError('mutex of map "m" is held already by this loop; it is not re-entrant'),
      );
      // A callback that swallows the error goes on with what it was given.
      const swallow = (n: unknown): unknown => {
        expect(call).toThrow(MutexTimeoutError);
        return (n as number) + 1;
      };
      expect(map.update('n', swallow)).toBe(2);
      expect([...other]).toEqual([['n', 2]]);
      map.set('n', 1);
    }
    expect(memory.lostBlocks()).toBe(0);
  });

  it('may use other maps, counters and limiters, and stores under its own key', () => {
    const memory = new StateMemory();
    const state = memory.state();
    const [map, second] = [state.map<number>('m'), state.map<number>('second')];
    const limiter = state.rateLimiter('r', { limit: 5, windowMs: 1000 });
    map.update('mine', () => {
      second.set('a longer key than the other', 5);
      limiter.take('somebody');
      return second.update('theirs', (n) => (n ?? 0) + state.counter('c').add(1));
    });
    expect([...map]).toEqual([['mine', 1]]);
    expect(new Map(second)).toEqual(
      new Map([
        ['a longer key than the other', 5],
        ['theirs', 1],
      ]),
    );
  });

  it('throws a TypeError when it is given no function', () => {
    const { map } = newMap();
    expect(() => map.update('n', 7 as unknown as () => number)).toThrow(TypeError);
  });
});
