/** What a table forgets to make room, and how much memory it takes. */
import { describe, expect, it } from 'vitest';
import { NO_POSITION } from '../../src/shared/log-writer.ts';
import { NamedTable } from '../harness/named-table.ts';

describe('a full table', () => {
  /** Channels c0, c1, c2, each with one record at position 10, 11, 12. */
  function fullTable(): NamedTable {
    const named = new NamedTable(2, 3);
    for (let i = 0; i < 3; i++) {
      named.create(`c${i}`);
      named.publish(`c${i}`, 10 + i);
    }
    return named;
  }

  it('forgets the channel that was idle the longest, and that one alone', () => {
    const named = fullTable();
    named.publish('c0', 13);
    expect(named.create('new')).not.toBe(0);
    expect(['c0', 'c1', 'c2', 'new'].map((name) => named.find(name) !== 0)).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(named.table.count).toBe(3);
  });

  it('notes that messages were forgotten only when the forgotten channel had some', () => {
    const named = new NamedTable(2, 1);
    for (const name of ['a', 'b', 'c']) named.create(name);
    expect(named.table).toMatchObject({ forgotten: 0, lives: 3 });
    named.publish('c', 1);
    named.create('d');
    expect(named.table).toMatchObject({ forgotten: 4, lives: 5 });
    expect(named.table.life(named.find('d'))).toBe(5);
  });

  it('never forgets a channel that has subscribers', () => {
    const named = fullTable();
    for (let i = 0; i < 3; i++) named.subscribe(`c${i}`, i % 2, 1);
    expect(named.create('new')).toBe(0);
    named.subscribe('c1', 1, 0);
    expect(named.create('new')).not.toBe(0);
    expect(named.find('c1')).toBe(0);
    expect(named.create('another')).not.toBe(0);
    expect(named.find('new')).toBe(0);
    for (const name of ['c0', 'c2']) expect(named.table.subscribers(named.find(name))).toBe(1);
  });

  it('keeps finding the channels it has when it takes no new one', () => {
    const named = fullTable();
    for (let i = 0; i < 3; i++) named.subscribe(`c${i}`, 0, 1);
    const entries = [0, 1, 2].map((i) => named.find(`c${i}`));
    expect(named.create('new')).toBe(0);
    expect([0, 1, 2].map((i) => named.create(`c${i}`))).toEqual(entries);
  });

  it('begins a forgotten channel anew when it is made again: no message, another life', () => {
    const named = fullTable();
    const life = named.table.life(named.find('c0'));
    named.create('new');
    const entry = named.create('c0');
    expect(named.table.sequence(entry)).toBe(0);
    expect(named.table.last(entry)).toBe(NO_POSITION);
    expect(named.table.subscribers(entry)).toBe(0);
    expect(named.table.life(entry)).toBeGreaterThan(life);
  });
});

describe('the memory of a table', () => {
  it('is less than 200 bytes a channel when channels are idle, names have 16 bytes and there are 8 loops', () => {
    const channels = 10_000;
    const named = new NamedTable(8, channels);
    for (let i = 0; i < channels; i++) named.create(`room:${String(i).padStart(11, '0')}`);
    expect(named.table.count).toBe(channels);
    expect(named.table.usedBytes / channels).toBeLessThan(200);
  });

  it('does not grow when 100,000 channels come and go in a table of 5,000', () => {
    const channels = 5000;
    const named = new NamedTable(8, channels);
    let most = 0;
    for (let i = 0; i < 20 * channels; i++) {
      const name = `c${i}`;
      const comesTo = i % 3;
      if (comesTo === 0) named.create(name);
      if (comesTo === 1) named.subscribe(name, i % 8, 1);
      if (comesTo !== 0) {
        named.create(name);
        named.publish(name, i);
      }
      if (comesTo === 1) named.subscribe(name, i % 8, 0);
      expect(named.find(name)).not.toBe(0);
      if (i === 2 * channels) most = named.table.usedBytes;
    }
    expect(named.table.count).toBe(channels);
    // Names get a little longer; how many nodes the trie has is up to the hashes.
    expect(named.table.usedBytes).toBeLessThan(most * 1.1);
    expect(named.table.lives).toBeGreaterThanOrEqual(20 * channels);
  });
});
