import { describe, expect, it } from 'vitest';
import { MutexTimeoutError, SharedMemoryFullError } from '../../src/errors.ts';
import type { SharedMap } from '../../src/shared/shared.ts';
import { StateMemory } from '../harness/state-memory.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

function newMap(): { memory: StateMemory; map: SharedMap; other: SharedMap } {
  const memory = new StateMemory();
  return { memory, map: memory.state(1).map('m'), other: memory.state(2).map('m') };
}

describe('a value', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['true', true],
    ['0', 0],
    ['a number', -12.5e-30],
    ['the largest integer', Number.MAX_SAFE_INTEGER],
    ['an empty string', ''],
    ['ASCII text', 'a "quoted" \\ line\n'],
    ['text beyond ASCII', 'žluťoučký 🐎 \u0080\u00ff\u0100'],
    ['text with lone surrogates', 'a\ud800b\udc00'],
    ['an array', [1, [2, [null]], 'x']],
    ['an object', { a: 1, ü: { b: [true] }, '': null }],
    ['an object with a key __proto__', JSON.parse('{"__proto__":1}')],
    ['text of a megabyte', 'x'.repeat(2 ** 19)],
    ['text of a megabyte beyond ASCII', 'ü'.repeat(2 ** 18)],
    ['no bytes', bytes()],
    ['one byte', bytes(255)],
    ['bytes', bytes(...Array.from({ length: 255 }, (_, index) => index))],
    ['many bytes', new Uint8Array(300_001).fill(7)],
  ])('comes back on any loop when it is %s', (_, value) => {
    const { map, other } = newMap();
    map.set('key', value);
    expect(other.get('key')).toStrictEqual(value);
    expect(map.update('key', (current) => current)).toStrictEqual(value);
    expect([...other.values()]).toStrictEqual([value]);
  });

  it.each<[string, unknown]>([
    ['a Buffer', Buffer.from([1, 2, 3])],
    ['an ArrayBuffer', bytes(1, 2, 3).buffer],
    ['a SharedArrayBuffer', sharedView().buffer.slice(4, 7)],
    ['a view on a part', new DataView(bytes(9, 1, 2, 3, 9).buffer, 1, 3)],
    ['a view on shared memory', sharedView()],
  ])('comes back as a Uint8Array when it is %s', (_, value) => {
    const { map } = newMap();
    map.set('key', value);
    const found = map.get('key') as Uint8Array;
    expect(found.constructor).toBe(Uint8Array);
    expect(found.buffer.byteLength).toBe(found.byteLength);
    expect(found).toEqual(bytes(1, 2, 3));
  });

  it('comes back as all elements when it is an array of larger numbers', () => {
    const { map } = newMap();
    map.set('key', Uint16Array.of(0x0201, 0x0403));
    expect(map.get('key')).toEqual(bytes(1, 2, 3, 4));
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a bigint', 1n],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['an object with a bigint', { a: 1n }],
    ['a cycle', cycle()],
    ['an object whose toJSON gives nothing', { toJSON: () => undefined }],
  ])('throws a TypeError, and changes nothing, when it is %s', (_, value) => {
    const { memory, map } = newMap();
    map.set('key', 'before', { ttlMs: 10 });
    const { usedBlocks } = memory;
    expect(() => map.set('key', value)).toThrow(TypeError);
    expect(() => map.set('new', value)).toThrow(TypeError);
    if (value !== undefined) {
      expect(() => map.update('key', () => value)).toThrow(TypeError);
      expect(() => map.update('new', () => value)).toThrow(TypeError);
    }
    expect([...map]).toEqual([['key', 'before']]);
    expect(memory.usedBlocks).toBe(usedBlocks);
    memory.nowMs += 10;
    expect(map.size).toBe(0);
  });

  it('passes the error on, and changes nothing, when a toJSON throws', () => {
    const { map } = newMap();
    const error = new Error('from toJSON');
    const value = {
      toJSON: () => {
        throw error;
      },
    };
    map.set('key', 1);
    expect(() => map.set('key', value)).toThrow(error);
    expect(() => map.update('key', () => value)).toThrow(error);
    expect([...map]).toEqual([['key', 1]]);
  });

  it('is a copy, going in and coming out', () => {
    const { map } = newMap();
    const value = { list: [1] };
    const raw = bytes(1);
    map.set('json', value);
    map.set('bytes', raw);
    value.list.push(2);
    raw[0] = 2;
    (map.get('json') as typeof value).list.push(3);
    (map.get('bytes') as Uint8Array)[0] = 3;
    expect(map.get('json')).toEqual({ list: [1] });
    expect(map.get('bytes')).toEqual(bytes(1));
  });

  it('is as JSON writes it', () => {
    const { map } = newMap();
    map.set('key', { date: new Date(0), gone: undefined, none: Number.NaN, made: { toJSON: () => 'made' } });
    expect(map.get('key')).toEqual({ date: '1970-01-01T00:00:00.000Z', none: null, made: 'made' });
  });

  it('is kept apart from what its toJSON does with the same map and with others', () => {
    const memory = new StateMemory();
    const [map, second] = [memory.state().map('m'), memory.state().map('second')];
    const value = {
      toJSON: () => {
        map.set('inner', 'x'.repeat(1000));
        second.set('inner', 'y'.repeat(1000));
        return { key: second.get('inner') };
      },
    };
    map.set('outer', value);
    expect(map.get('outer')).toEqual({ key: 'y'.repeat(1000) });
    expect(map.get('inner')).toBe('x'.repeat(1000));
    second.update('outer', () => ({ toJSON: () => map.get('inner') }));
    expect(second.get('outer')).toBe('x'.repeat(1000));
  });
});

function sharedView(): Uint8Array<SharedArrayBuffer> {
  const view = new Uint8Array(new SharedArrayBuffer(8), 4, 3);
  view.set([1, 2, 3]);
  return view;
}

function cycle(): unknown {
  const value: Record<string, unknown> = {};
  value.self = value;
  return value;
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
});

let current: StateMemory;

function updateLate(map: SharedMap<string>): void {
  map.update('late', () => {
    current.nowMs += 5;
    return 'x'.repeat(2000);
  });
}
