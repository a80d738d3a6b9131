/** What happens when readers are slower than writers. */
import { describe, expect, it } from 'vitest';
import { Doorbell } from '../../src/shared/doorbell.ts';
import { bellIndex } from '../../src/shared/layout.ts';
import { BINARY, Log, MIN_RING_BYTES, unitsOf } from '../../src/shared/log.ts';
import { Publisher } from '../../src/shared/publisher.ts';
import { bytesFor, SharedLog } from '../harness/shared-log.ts';

const LOG_FULL = { ok: false, reason: 'log-full' };
const UNITS = 64;
/** Of the smallest ring, which has that many units. */
const { maxDataBytes: MAX_DATA_BYTES } = new Log(Log.create(1, MIN_RING_BYTES));

/** The smallest log, with readers 0 and 1. What is published has its sequence in it. */
function newLog() {
  const shared = new SharedLog({ loops: 2 });
  const publisher = new Publisher(shared.primary);
  let published = 0;
  const publish = (length: number) => {
    const result = publisher.publish('c', 0, bytesFor(published + 1, length), BINARY, 0);
    if (result.ok) published++;
    return result;
  };
  /** Publishes until it is refused; the number of records. */
  const fill = (length: number): number => {
    const before = published;
    while (publish(length).ok) if (published - before > UNITS) throw new Error('it is never full');
    return published - before;
  };
  return {
    shared,
    readers: [shared.attach(0), shared.attach(1)] as const,
    publish,
    fill,
    log: shared.primary.log,
  };
}

describe('a full log', () => {
  it.each([0, 36, 37, 100, 500, MAX_DATA_BYTES])(
    'refuses, and overwrites nothing, when records have %d bytes',
    (length) => {
      const { publish, readers, fill } = newLog();
      const count = fill(length);
      // All but what the record needs that did not fit, with the padding in front of it.
      expect(count * unitsOf(length)).toBeGreaterThan(UNITS - 2 * unitsOf(length));
      for (let i = 0; i < 10; i++) expect(publish(length)).toEqual(LOG_FULL);
      for (const reader of readers) {
        const seen = reader.collect();
        expect(seen.map(({ sequence }) => sequence)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
        for (const { sequence, data } of seen) expect(data.equals(bytesFor(sequence, length))).toBe(true);
      }
    },
  );

  it('takes more only when the slowest reader has read', () => {
    const { publish, readers, fill } = newLog();
    expect(fill(0)).toBe(UNITS);
    expect(readers[0].collect()).toHaveLength(UNITS);
    expect(publish(0)).toEqual(LOG_FULL);
    expect(readers[1].collect(1)).toHaveLength(1);
    expect(publish(0)).toEqual({ ok: true, sequence: UNITS + 1 });
    expect(publish(0)).toEqual(LOG_FULL);
    expect(readers[1].collect()).toHaveLength(UNITS);
    expect(fill(0)).toBe(UNITS - 1);
    expect(readers[0].collect()).toHaveLength(UNITS);
  });

  it('still takes a small record when it has no room for a large one', () => {
    const { publish, readers, fill } = newLog();
    expect(fill(MAX_DATA_BYTES)).toBe(4);
    readers[0].collect();
    readers[1].collect(1);
    expect(publish(10).ok).toBe(true);
    expect(publish(MAX_DATA_BYTES)).toEqual(LOG_FULL);
    expect(readers[1].collect().map(({ data }) => data.length)).toEqual([
      ...new Array(3).fill(MAX_DATA_BYTES),
      10,
    ]);
  });

  it('takes more at once when the reader that held it up is detached', () => {
    const { publish, readers, fill, log } = newLog();
    fill(0);
    readers[0].collect();
    expect(publish(0)).toEqual(LOG_FULL);
    log.detach(1);
    for (let i = 0; i < 10 * UNITS; i++) {
      expect(publish(0).ok).toBe(true);
      expect(readers[0].collect()).toHaveLength(1);
    }
  });

  it('is held up again when that reader attaches anew, and that reader starts at the tail', () => {
    const { shared, publish, readers, fill, log } = newLog();
    log.detach(1);
    for (let i = 0; i < 10 * UNITS + 5; i++) {
      publish(0);
      readers[0].collect();
    }
    const again = shared.attach(1);
    expect(again.collect()).toEqual([]);
    expect(fill(0)).toBe(UNITS);
    readers[0].collect();
    expect(publish(0)).toEqual(LOG_FULL);
    expect(again.collect()[0]?.sequence).toBe(10 * UNITS + 6);
    expect(publish(0).ok).toBe(true);
  });

  it('never comes about when there are no readers', () => {
    const publisher = new Publisher(new SharedLog({ loops: 2 }).primary);
    for (let sequence = 1; sequence <= 1000; sequence++) {
      const result = publisher.publish('c', 0, bytesFor(sequence, sequence % MAX_DATA_BYTES), BINARY, 0);
      expect(result).toEqual({ ok: true, sequence });
    }
  });
});

describe('a reader that sleeps', () => {
  /** Unread units at which the cursors are looked at last before a sixteenth of the ring more is written. */
  const SLACK = UNITS / 16;

  it('is rung when it is more than half of the ring behind, and not before', () => {
    const { publish, readers, log } = newLog();
    for (const reader of [0, 1]) new Doorbell(log.words, bellIndex(reader), () => {}).arm();
    const isArmed = (reader: number) => Atomics.load(log.words, bellIndex(reader)) === 1;
    for (let unread = 1; unread <= UNITS / 2 + SLACK + 1; unread++) {
      expect(isArmed(1) || unread > UNITS / 2).toBe(true);
      publish(0);
      readers[0].collect();
    }
    expect(isArmed(1)).toBe(false);
    expect(isArmed(0)).toBe(true);
  });

  it('is rung again by the next refusal when the log is full', () => {
    const { publish, fill, log } = newLog();
    const bell = new Doorbell(log.words, bellIndex(1), () => {});
    fill(0);
    bell.arm();
    expect(publish(0)).toEqual(LOG_FULL);
    expect(Atomics.load(log.words, bellIndex(1))).toBe(0);
  });
});

describe('a throw while a record is being written', () => {
  it('leaves the log as it was, and the lock free', () => {
    const { shared, publish, readers, log } = newLog();
    const { primary } = shared;
    const publisher = new Publisher(primary);
    for (let i = 0; i < UNITS - 3; i++) {
      publish(0);
      for (const reader of readers) expect(reader.collect()).toHaveLength(1);
    }
    const { tail } = log;
    const { end } = primary.writer;
    const positionOf = () => primary.positionOf(primary.table.find(primary.name));
    const position = positionOf();
    const detached = new Uint8Array(100);
    structuredClone(detached, { transfer: [detached.buffer] });
    for (let i = 0; i < 10; i++)
      expect(() => publisher.publish('c', 0, detached, BINARY, 0)).toThrow('detached');
    expect([log.tail, primary.writer.end]).toEqual([tail, end]);
    expect(positionOf()).toEqual(position);
    expect(primary.lock.isMine).toBe(false);
    expect(readers[0].collect()).toEqual([]);
    expect(publish(40)).toEqual({ ok: true, sequence: position.sequence + 1 });
    const [record, ...more] = readers[0].collect();
    expect(record?.data.equals(bytesFor(position.sequence + 1, 40))).toBe(true);
    expect(more).toEqual([]);
  });

  it('does not come about when data says that it is shorter or longer than it is', () => {
    const { shared, readers } = newLog();
    const publisher = new Publisher(shared.primary);
    class Liar extends Uint8Array {
      override get byteLength(): number {
        return 7;
      }
      override get length(): number {
        return 9;
      }
    }
    expect(publisher.publish('c', 0, new Liar(2 * 64 * UNITS), BINARY, 0)).toEqual({
      ok: false,
      reason: 'too-large',
    });
    expect(publisher.publish('c', 0, new Liar(200).fill(1), BINARY, 0).ok).toBe(true);
    expect(publisher.publish('c', 0, new Liar(3).fill(2), BINARY, 0).ok).toBe(true);
    const seen = readers[0].collect().map(({ data }) => [...data]);
    expect(seen).toEqual([new Array(200).fill(1), [2, 2, 2]]);
  });
});
