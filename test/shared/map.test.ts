import { describe, expect, it } from 'vitest';
import type { SharedMap } from '../../src/shared/shared.ts';
import { StateMemory } from '../harness/state-memory.ts';

function newMap(): { memory: StateMemory; map: SharedMap; other: SharedMap } {
  const memory = new StateMemory();
  return { memory, map: memory.state(1).map('m'), other: memory.state(2).map('m') };
}

describe('a key', () => {
  const KEYS = [
    '',
    '\0',
    'a',
    'A',
    'abc',
    'abcd',
    'ä',
    '\ud800',
    '\ud801',
    '\ufffd',
    '\ud800\udc00',
    'x'.repeat(32),
    'x'.repeat(33),
    'x'.repeat(100_000),
    `${'x'.repeat(31)}ä`,
    'ä'.repeat(32),
    'ä'.repeat(33),
    '__proto__',
  ];

  it('is any string, and no other than itself', () => {
    const { memory, map, other } = newMap();
    for (const [index, key] of KEYS.entries()) map.set(key, index);
    for (const [index, key] of KEYS.entries()) expect(other.get(key)).toBe(index);
    expect([...other.keys()].sort()).toEqual([...KEYS].sort());
    expect(map.size).toBe(KEYS.length);
    for (const key of KEYS) expect(map.delete(key)).toBe(true);
    expect(memory.lostBlocks()).toBe(0);
    expect(map.size).toBe(0);
  });

  it.each([undefined, null, 7, {}, Symbol('x')])('throws a TypeError when it is %s', (value) => {
    const { map } = newMap();
    const key = value as unknown as string;
    const calls = [
      () => map.get(key),
      () => map.has(key),
      () => map.set(key, 1),
      () => map.delete(key),
      () => map.update(key, () => 1),
    ];
    for (const call of calls) expect(call).toThrow(TypeError);
    expect(map.size).toBe(0);
  });
});

describe('walking over a map', () => {
  const filled = (count: number): SharedMap<number> => {
    const map = new StateMemory().state().map<number>('m');
    for (let i = 0; i < count; i++) map.set(`key${i}`, i);
    return map;
  };

  it('meets every entry once, with its value', () => {
    const map = filled(1000);
    const expected = new Map(Array.from({ length: 1000 }, (_, i) => [`key${i}`, i]));
    expect([...map.entries()].length).toBe(1000);
    expect(new Map(map.entries())).toEqual(expected);
    expect(new Map(map)).toEqual(expected);
    expect(new Set(map.keys())).toEqual(new Set(expected.keys()));
    expect(new Set(map.values())).toEqual(new Set(expected.values()));
  });

  it('meets nothing when there is nothing', () => {
    expect([...filled(0)]).toEqual([]);
  });

  it('holds no lock between two steps', () => {
    const map = filled(300);
    const met = new Set<string>();
    for (const [key] of map) {
      met.add(key);
      map.update(key, (n) => (n ?? 0) + 1);
    }
    expect(met.size).toBe(300);
    expect(map.get('key7')).toBe(8);
  });

  it('meets all that stays, and nothing twice, while others come and go', () => {
    const map = filled(1000);
    const met: string[] = [];
    let i = 0;
    for (const key of map.keys()) {
      met.push(key);
      map.set(`new${i}`, i);
      map.delete(`new${i - 10}`);
      if (Number(key.slice(3)) % 2 === 1) map.delete(key);
      i++;
    }
    expect(new Set(met).size).toBe(met.length);
    for (let even = 0; even < 1000; even += 2) expect(met).toContain(`key${even}`);
  });

  it('passes over the rest when it is left early', () => {
    const map = filled(1000);
    for (const _ of map) break;
    expect(map.size).toBe(1000);
  });

  it('reads large values too', () => {
    const memory = new StateMemory(2 ** 23);
    const map = memory.state().map<string>('m');
    for (let i = 0; i < 20; i++) map.set(`key${i}`, String(i).repeat(100_000));
    expect([...map.values()].every((value) => value.length >= 100_000)).toBe(true);
    expect([...map].length).toBe(20);
  });
});

describe('clear', () => {
  it('takes every entry out and gives their room back', () => {
    const { memory, map, other } = newMap();
    const { usedBlocks } = memory;
    for (let i = 0; i < 1000; i++) map.set(`key${i}`, 'x'.repeat(i), i % 2 ? { ttlMs: 10 } : {});
    map.clear();
    expect(other.size).toBe(0);
    expect(other.get('key1')).toBeUndefined();
    expect(memory.usedBlocks).toBe(usedBlocks);
    map.clear();
    map.set('a', 1, { ttlMs: 5 });
    memory.nowMs += 5;
    expect(map.size).toBe(0);
    expect(memory.usedBlocks).toBe(usedBlocks);
  });
});
