import { describe, expect, it } from 'vitest';
import { SharedMemoryFullError } from '../../src/errors.ts';
import type { SharedMap } from '../../src/shared/shared.ts';
import { StateMemory } from '../harness/state-memory.ts';

function newMap(): { memory: StateMemory; map: SharedMap; other: SharedMap } {
  const memory = new StateMemory();
  return { memory, map: memory.state(1).map('m'), other: memory.state(2).map('m') };
}

describe('the time to live', () => {
  it('ends an entry when it is over, for every call', () => {
    const { memory, map, other } = newMap();
    map.set('a', 1, { ttlMs: 10 });
    map.set('b', 2);
    memory.nowMs += 9.999;
    expect(other.get('a')).toBe(1);
    expect(other.size).toBe(2);
    memory.nowMs += 0.001;
    expect(other.has('a')).toBe(false);
    expect(other.get('a')).toBeUndefined();
    expect(other.delete('a')).toBe(false);
    expect([...other.keys()]).toEqual(['b']);
    expect(other.size).toBe(1);
  });

  it.each<[string, (map: SharedMap) => unknown]>([
    ['get', (map) => map.get('a')],
    ['has', (map) => map.has('a')],
    ['delete', (map) => map.delete('a')],
    ['update', (map) => map.update('a', (current) => current)],
    ['size', (map) => map.size],
  ])('gives the room back when %s meets what is over', (_, call) => {
    const { memory, map } = newMap();
    map.set('warm-up', 1);
    map.delete('warm-up');
    const { usedBlocks } = memory;
    map.set('a', 'x'.repeat(1000), { ttlMs: 10 });
    memory.nowMs += 10;
    call(map);
    expect(memory.usedBlocks).toBe(usedBlocks);
    expect(memory.lostBlocks()).toBe(0);
  });

  it('is cleared by set, and set anew', () => {
    const { memory, map } = newMap();
    map.set('stays', 1, { ttlMs: 10 });
    map.set('longer', 1, { ttlMs: 10 });
    map.set('shorter', 1, { ttlMs: 10 });
    map.set('stays', 2);
    map.set('longer', 2, { ttlMs: 20 });
    map.set('shorter', 2, { ttlMs: 5 });
    memory.nowMs += 5;
    expect([...map.keys()].sort()).toEqual(['longer', 'stays']);
    memory.nowMs += 5;
    expect([...map.keys()].sort()).toEqual(['longer', 'stays']);
    memory.nowMs += 10;
    expect([...map.keys()]).toEqual(['stays']);
  });

  it('is kept by update, unless it is told another', () => {
    const { memory, map } = newMap();
    const count = (n: unknown): number => ((n as number | undefined) ?? 0) + 1;
    map.set('kept', 1, { ttlMs: 10 });
    map.set('longer', 1, { ttlMs: 10 });
    map.set('given', 1);
    memory.nowMs += 9;
    map.update('kept', count);
    map.update('longer', count, { ttlMs: 10 });
    map.update('given', count, { ttlMs: 10 });
    map.update('new', count);
    map.update('new for a time', count, { ttlMs: 5 });
    memory.nowMs += 1;
    expect([...map.keys()].sort()).toEqual(['given', 'longer', 'new', 'new for a time']);
    memory.nowMs += 9;
    expect([...map.keys()].sort()).toEqual(['new']);
    // What was over is new.
    expect(map.update('kept', count)).toBe(1);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5'])(
    'throws a RangeError, and changes nothing, when it is %s',
    (value) => {
      const { map } = newMap();
      const ttlMs = value as number;
      map.set('a', 1);
      expect(() => map.set('a', 2, { ttlMs })).toThrow(RangeError);
      expect(() => map.update('a', () => 2, { ttlMs })).toThrow(/map "m": ttlMs/);
      expect([...map]).toEqual([['a', 1]]);
    },
  );

  it('lets a stream of entries that end take at most twice the room of those that live', () => {
    const memory = new StateMemory(2 ** 22);
    const map = memory.state().map('m');
    const LIVE = 1000;
    const set = (i: number): void => map.set(`key${i}`, i, { ttlMs: LIVE });
    for (let i = 0; i < LIVE; i++, memory.nowMs++) set(i);
    const room = memory.usedBlocks;
    let most = 0;
    for (let i = LIVE; i < 20 * LIVE; i++, memory.nowMs++) {
      set(i);
      most = Math.max(most, memory.usedBlocks);
    }
    expect(most).toBeLessThan(2.1 * room);
    expect(map.size).toBe(LIVE - 1);
    expect(memory.lostBlocks()).toBe(0);
  });

  it('counts right when everything ends at once', () => {
    const { memory, map } = newMap();
    for (let i = 0; i < 500; i++) map.set(`key${i}`, i, { ttlMs: 10 + (i % 2) * 10 });
    memory.nowMs += 10;
    expect(map.size).toBe(250);
    memory.nowMs += 10;
    expect(map.size).toBe(0);
    map.set('a', 1, { ttlMs: 5 });
    expect(map.size).toBe(1);
    memory.nowMs += 5;
    expect(map.size).toBe(0);
  });
});

describe('a full memory', () => {
  it('changes nothing, and names the option that says how much there is', () => {
    const memory = new StateMemory(16 * 1024);
    const map = memory.state().map<string>('m');
    map.set('kept', 'before');
    const tooMuch = 'x'.repeat(20_000);
    const { usedBlocks } = memory;
    for (const key of ['kept', 'new']) {
      expect(() => map.set(key, tooMuch)).toThrow(SharedMemoryFullError);
      expect(() => map.set(key, tooMuch)).toThrow(/map "m".*stateBytes.*16384/);
      expect(() => map.update(key, () => tooMuch)).toThrow(SharedMemoryFullError);
    }
    expect(() => map.set(tooMuch, 'x')).toThrow(SharedMemoryFullError);
    expect([...map]).toEqual([['kept', 'before']]);
    expect(memory.usedBlocks).toBe(usedBlocks);
    expect(memory.lostBlocks()).toBe(0);
  });

  it('lets a value be replaced by one that needs no more room', () => {
    const memory = new StateMemory(16 * 1024);
    const map = memory.state().map<string>('m');
    const fill = (): void => {
      for (let i = 0; ; i++) map.set(`key${i}`, 'a'.repeat(500));
    };
    expect(fill).toThrow(SharedMemoryFullError);
    const { size } = map;
    for (let i = 0; i < size; i++) map.set(`key${i}`, 'b'.repeat(500));
    expect([...map.values()].every((value) => value === 'b'.repeat(500))).toBe(true);
    map.set('key0', 'short');
    map.set('another', 'b'.repeat(400));
    expect(memory.lostBlocks()).toBe(0);
  });

  it.each<[string, (map: SharedMap<string>) => void]>([
    ['a new entry', (map) => map.set('new', 'x'.repeat(2000))],
    ['a longer value', (map) => map.set('kept', 'x'.repeat(2000))],
    ['an update', (map) => void map.update('kept', () => 'x'.repeat(2000))],
    ['an update of an entry that runs out meanwhile', updateLate],
  ])('makes room for %s out of what has expired', (_, call) => {
    for (const owner of ['m', 'another map']) {
      const memory = new StateMemory(16 * 1024);
      current = memory;
      const [map, full] = [memory.state().map<string>('m'), memory.state().map<string>(owner)];
      map.set('kept', 'before');
      map.set('late', 'before', { ttlMs: 18 });
      const fill = (): void => {
        for (let i = 0; ; i++) full.set(`key${i}`, 'a'.repeat(300), { ttlMs: 10 });
      };
      expect(fill).toThrow(SharedMemoryFullError);
      expect(() => call(map)).toThrow(SharedMemoryFullError);
      memory.nowMs += 10;
      call(map);
      expect(map.get('kept')).toBeDefined();
      expect(memory.lostBlocks()).toBe(0);
    }
  });

  it('ends what was stored where room was made for it, like everything else', () => {
    const memory = new StateMemory(32 * 1024);
    const map = memory.state().map<string>('m');
    for (let round = 0; round < 75; round++) {
      for (let i = 0; i < 300; i++) map.set(`key${round}-${i}`, '', { ttlMs: 10 });
      map.set('short', '', { ttlMs: 1 });
      memory.nowMs += 1;
      // The sweep comes some way, past entries that live.
      for (let i = 0; i < round; i++) {
        map.set('small', '');
        map.delete('small');
      }
      memory.nowMs += 9;
      // More than one step of the sweep has to find.
      map.set(`large${round}`, 'x'.repeat(20_000), { ttlMs: 5 });
      memory.nowMs += 5;
      expect(map.size).toBe(0);
    }
  });
});

let current: StateMemory;

function updateLate(map: SharedMap<string>): void {
  map.update('late', () => {
    current.nowMs += 5;
    return 'x'.repeat(2000);
  });
}
