import { describe, expect, it } from 'vitest';
import { ChannelTable } from '../../src/shared/channel-table.ts';
import { EncodedName, MAX_NAME_BYTES } from '../../src/shared/encoded-name.ts';
import { ChannelsHeaderWord } from '../../src/shared/layout.ts';
import { NO_POSITION } from '../../src/shared/log-writer.ts';
import { NamedTable } from '../harness/named-table.ts';

/** So many loops that the interest takes one word, part of a second one, and eight. */
const LOOP_COUNTS = [1, 8, 33, 256];

describe('attaching to a table', () => {
  it('sees what another view of the same memory has made', () => {
    const memory = ChannelTable.create(3, 5);
    const [one, other] = [new ChannelTable(memory), new ChannelTable(memory)];
    const name = new EncodedName(one.hashKey);
    name.trySet('a');
    const entry = one.findOrCreate(name);
    one.setSubscribers(entry, 2, 7);
    expect(other).toMatchObject({
      loops: 3,
      hashKey: one.hashKey,
      count: 1,
      lives: 1,
      usedBytes: one.usedBytes,
    });
    expect(other.find(name)).toBe(entry);
    expect(other.subscribers(entry)).toBe(7);
  });

  it('is refused when the memory is of somebody else, or of another version', () => {
    expect(() => new ChannelTable(new SharedArrayBuffer(4096))).toThrow(RangeError);
    for (const word of [ChannelsHeaderWord.magic, ChannelsHeaderWord.version]) {
      const memory = ChannelTable.create(1, 1);
      const words = new Uint32Array(memory);
      words[word] = (words[word] as number) + 1;
      expect(() => new ChannelTable(memory)).toThrow('another layout');
    }
  });

  it('hashes with a key of its own each time one is made', () => {
    const keys = Array.from({ length: 8 }, () => new ChannelTable(ChannelTable.create(1, 1)).hashKey.join());
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe.each(LOOP_COUNTS)('a table for %d loops', (loops) => {
  it('has room for as many channels as it was made for when all names are of the greatest length', () => {
    for (const channels of [1, 2, 7, 500]) {
      const named = new NamedTable(loops, channels);
      const name = (index: number) => String(index).padEnd(MAX_NAME_BYTES, '-');
      for (let i = 0; i < channels; i++) named.subscribe(name(i), loops - 1, 1);
      expect(named.table.count).toBe(channels);
      expect(named.create('one more')).toBe(0);
      for (let i = 0; i < channels; i++) expect(named.find(name(i))).not.toBe(0);
    }
  });

  it('counts subscribers on each loop, and shows interest of the loops that have some', () => {
    const named = new NamedTable(loops, 3);
    const { table } = named;
    for (const name of ['a', 'b', 'x'.repeat(MAX_NAME_BYTES)]) {
      const expected = new Map<number, number>();
      const set = (loop: number, count: number) => {
        named.subscribe(name, loop, count);
        if (count === 0) expected.delete(loop);
        else expected.set(loop, count);
        const sum = [...expected.values()].reduce((sum, count) => sum + count, 0);
        expect(table.subscribers(named.find(name))).toBe(sum);
        expect(named.interest(name)).toEqual([...expected.keys()].sort((a, b) => a - b));
      };
      const some = [...new Set([0, loops >> 1, 31, 32, 63, loops - 1].filter((loop) => loop < loops))];
      for (const loop of some) set(loop, loop + 1);
      for (const loop of some) set(loop, 1_000_000);
      for (const loop of some) set(loop, 0);
    }
  });

  it('takes a loop that is no more out of every count, a slice at a time, and leaves the others', () => {
    const channels = 1300;
    const gone = loops - 1;
    const named = new NamedTable(loops, channels);
    for (let i = 0; i < channels; i++) {
      named.subscribe(`c${i}`, gone, 1 + (i % 3));
      if (i % 2 === 0) named.subscribe(`c${i}`, 0, 5);
    }
    let slices = 0;
    for (let place: number | undefined = 0; place !== undefined; slices++) {
      place = named.table.forgetLoop(gone, place);
      expect(slices).toBeLessThan(channels);
    }
    expect(slices).toBeGreaterThan(1);
    for (let i = 0; i < channels; i++) {
      const left = i % 2 === 0 && gone !== 0 ? 5 : 0;
      expect(named.table.subscribers(named.find(`c${i}`))).toBe(left);
      expect(named.interest(`c${i}`)).toEqual(left > 0 ? [0] : []);
    }
  });
});

describe('a channel', () => {
  it('begins with no message and no subscriber, in a life of its own', () => {
    const named = new NamedTable(2, 9);
    const { table } = named;
    const entries = ['a', 'b', 'c'].map((name) => named.create(name));
    for (const [i, entry] of entries.entries()) {
      expect(table.sequence(entry)).toBe(0);
      expect(table.last(entry)).toBe(NO_POSITION);
      expect(table.subscribers(entry)).toBe(0);
      expect(table.life(entry)).toBe(i + 1);
    }
    expect(table).toMatchObject({ count: 3, lives: 3, forgotten: 0 });
  });

  it('is the same one when it is asked for again', () => {
    const named = new NamedTable(2, 9);
    const entry = named.create('a');
    named.publish('a', 7);
    expect(named.create('a')).toBe(entry);
    expect(named.find('a')).toBe(entry);
    expect(named.table).toMatchObject({ count: 1, lives: 1 });
    expect([named.table.sequence(entry), named.table.last(entry)]).toEqual([1, 7]);
  });

  it('is told from others when names begin alike, differ in zero bytes, or have the same hash', () => {
    const names = [
      'a',
      'a\0',
      'ab',
      'a\0\0\0',
      'abcd',
      'abcde',
      'é',
      'e\u0301',
      'x'.repeat(254),
      'x'.repeat(255),
    ];
    const named = new NamedTable(2, 100);
    const { table } = named;
    const collide = (name: string): EncodedName => Object.assign(named.encoded(name), { hash: 0x1234_5678 });
    const entries = [
      ...names.map((name) => named.create(name)),
      ...names.map((name) => table.findOrCreate(collide(name))),
    ];
    expect(new Set(entries).size).toBe(2 * names.length);
    expect(names.map((name) => named.find(name))).toEqual(entries.slice(0, names.length));
    expect(names.map((name) => table.find(collide(name)))).toEqual(entries.slice(names.length));
    expect(named.find('nobody')).toBe(0);
    expect(new Set(entries.map((entry) => table.life(entry))).size).toBe(entries.length);
  });
});
