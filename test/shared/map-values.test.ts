import { describe, expect, it } from 'vitest';
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
    ['many bytes', new Uint8Array(30_001).fill(7)],
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
