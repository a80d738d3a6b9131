import { describe, expect, it } from 'vitest';
import { EntryLong } from '../../src/shared/channel-table.ts';
import { LogHeaderWord, logMemoryBytes } from '../../src/shared/layout.ts';
import { BINARY, COMPRESS, Log, MIN_RING_BYTES, recordFlags } from '../../src/shared/log.ts';
import { Publisher } from '../../src/shared/publisher.ts';
import { bytesFor, changes, SharedLog } from '../harness/shared-log.ts';

/** Of the smallest ring. */
const { maxDataBytes: MAX_DATA_BYTES } = new Log(Log.create(1, MIN_RING_BYTES));

/** A publisher on channel "c", with readers 0 and 1. */
function newLog(ringBytes = MIN_RING_BYTES) {
  const shared = new SharedLog({ loops: 2, ringBytes });
  const publisher = new Publisher(shared.primary);
  const readers = [shared.attach(0), shared.attach(1)] as const;
  const publish = (data: string | Uint8Array) =>
    publisher.publish('c', 0, data, recordFlags(typeof data !== 'string', true), 0);
  return { ...shared, publisher, readers, publish, log: shared.primary.log };
}

describe('making a log', () => {
  it.each([0, -4096, 4096 + 64, 2048, 5000, Number.NaN, 2.5])(
    'is refused when it is to have %d bytes',
    (bytes) => {
      expect(() => Log.create(1, bytes)).toThrow(RangeError);
    },
  );

  it.each([1, 8, 33, 256])(
    'gives each reader a cursor and a doorbell of its own when there are %d',
    (readers) => {
      const memory = Log.create(readers, MIN_RING_BYTES);
      expect(memory.byteLength).toBe(logMemoryBytes(readers, MIN_RING_BYTES));
      expect(new Log(memory)).toMatchObject({ readers, units: 64, tail: 0 });
    },
  );
});

describe('attaching to a log', () => {
  it('is refused when the memory is of somebody else, of another version, or too short', () => {
    expect(() => new Log(new SharedArrayBuffer(MIN_RING_BYTES * 4))).toThrow(RangeError);
    for (const word of [LogHeaderWord.magic, LogHeaderWord.version]) {
      const memory = Log.create(1, MIN_RING_BYTES);
      const words = new Int32Array(memory);
      words[word] = (words[word] as number) + 1;
      expect(() => new Log(memory)).toThrow('another layout');
    }
    const short = new SharedArrayBuffer(MIN_RING_BYTES);
    new Uint8Array(short).set(new Uint8Array(Log.create(1, MIN_RING_BYTES), 0, MIN_RING_BYTES));
    expect(() => new Log(short)).toThrow('shorter');
  });
});

describe('a record', () => {
  it('goes through unchanged when it has any length from 0 to the maximum, as bytes and as text', () => {
    const { publish, readers } = newLog();
    for (let length = 0; length <= MAX_DATA_BYTES; length++) {
      const bytes = bytesFor(length, length);
      const text = bytes.toString('latin1').replace(/[^ -~]/g, '~');
      expect(publish(bytes)).toEqual({ ok: true, sequence: 2 * length + 1 });
      expect(publish(text)).toEqual({ ok: true, sequence: 2 * length + 2 });
      for (const reader of readers) {
        const [first, second, ...more] = reader.collect();
        expect(first?.data.equals(bytes)).toBe(true);
        expect(first).toMatchObject({ sequence: 2 * length + 1, flags: BINARY | COMPRESS });
        expect(second?.data.toString('latin1')).toBe(text);
        expect(second).toMatchObject({ sequence: 2 * length + 2, flags: COMPRESS });
        expect(more).toEqual([]);
      }
    }
  });

  it.each([
    ['2 bytes a character', 'é'.repeat(100)],
    ['3 bytes a character', '€'.repeat(100)],
    ['4 bytes a character', '😀'.repeat(100)],
    ['both kinds of strings of the engine joined', `${'a'.repeat(100)}${'€'.repeat(100)}`],
    ['zero bytes in it', 'a\0b'.repeat(20)],
    ['a byte order mark', '\ufeffa'],
  ])('goes through unchanged when it is text with %s', (_, text) => {
    const { publish, readers } = newLog();
    expect(publish(text).ok).toBe(true);
    expect(readers[0].collect()[0]?.data.toString()).toBe(text);
  });

  it.each(['\ud800', '\udfff', 'a\ud800b', '\udc00\ud800', '\ud83d\ud83d\ude00', `${'x'.repeat(60)}\ud800`])(
    'has U+FFFD in place of each half of a surrogate pair when the text is %j',
    (text) => {
      const { publish, readers } = newLog();
      expect(publish(text).ok).toBe(true);
      expect(publish('next').ok).toBe(true);
      const texts = readers[0].collect().map(({ data }) => data.toString());
      expect(texts).toEqual([text.toWellFormed(), 'next']);
    },
  );

  it('is measured in bytes when it is text: refused when they are more than the maximum', () => {
    const { publish } = newLog();
    expect(publish('€'.repeat(MAX_DATA_BYTES / 3)).ok).toBe(true);
    expect(publish('€'.repeat(MAX_DATA_BYTES / 3 + 1))).toEqual({ ok: false, reason: 'too-large' });
  });

  it('is refused, and not a byte of the memory changes, when it is too large', () => {
    const { publish, log } = newLog();
    publish('before');
    for (const data of [
      'x'.repeat(MAX_DATA_BYTES + 1),
      new Uint8Array(MAX_DATA_BYTES + 1),
      new Uint8Array(1e6),
    ]) {
      expect(
        changes(log.memory, () => expect(publish(data)).toEqual({ ok: false, reason: 'too-large' })),
      ).toBe(false);
    }
  });

  it('carries the bytes of a view when the view is a part of its buffer, or of shared memory', () => {
    const { publish, readers } = newLog();
    const shared = new Uint8Array(new SharedArrayBuffer(16)).fill(7);
    publish(bytesFor(0, 100).subarray(40, 50));
    publish(shared.subarray(3, 6));
    expect(readers[0].collect().map(({ data }) => [...data])).toEqual([
      [...bytesFor(0, 100).subarray(40, 50)],
      [7, 7, 7],
    ]);
  });

  it.each([2, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 5, 2 ** 40 + 2 ** 31, Number.MAX_SAFE_INTEGER])(
    'keeps its sequence when that is as large as %d',
    (sequence) => {
      const { publish, readers, primary } = newLog();
      publish('first');
      const { table, name } = primary;
      table.longs[table.longsAt(table.find(name)) + EntryLong.sequence] = sequence - 1;
      expect(publish('x')).toEqual({ ok: true, sequence });
      expect(readers[0].collect().at(-1)?.sequence).toBe(sequence);
    },
  );
});

describe('a reader', () => {
  it('sees nothing that was published before it attached, and everything after', () => {
    const shared = new SharedLog({ loops: 1 });
    const publisher = new Publisher(shared.primary);
    const publish = (text: string) => publisher.publish('c', 0, text, 0, 0);
    publish('before');
    const reader = shared.attach(0);
    expect(reader.isAtTail).toBe(true);
    publish('after');
    expect(reader.isAtTail).toBe(false);
    expect(reader.collect().map(({ data }) => data.toString())).toEqual(['after']);
    expect(reader.isAtTail).toBe(true);
  });

  it('stops when what the visits cost comes up to its budget, and goes on from there', () => {
    const { publish, readers } = newLog();
    for (const text of ['a', 'b', 'c', 'd']) publish(text);
    const visited: string[] = [];
    const visit = (cost: number) => () => {
      visited.push(String(cost));
      return cost;
    };
    readers[0].read(2, visit(1));
    expect(visited).toEqual(['1', '1']);
    readers[0].read(2, visit(5));
    expect(visited).toEqual(['1', '1', '5']);
    expect(readers[0].collect().map(({ data }) => data.toString())).toEqual(['d']);
  });

  it('leaves out what is there when it skips to the tail', () => {
    const { publish, readers } = newLog();
    publish('a');
    readers[0].skipToTail();
    publish('b');
    expect(readers[0].collect().map(({ data }) => data.toString())).toEqual(['b']);
    expect(readers[1].collect().map(({ data }) => data.toString())).toEqual(['a', 'b']);
  });

  it('refuses to read on when a length is one that no record can have', () => {
    const { publish, readers, log } = newLog();
    publish('a');
    for (const length of [-1, log.maxDataBytes + 1]) {
      log.words[log.wordAt(0)] = length;
      expect(() => readers[0].collect()).toThrow('torn');
    }
  });
});
