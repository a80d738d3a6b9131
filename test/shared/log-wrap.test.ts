/** The end of the ring, and the end of 32-bit positions, against a model that counts positions in full. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { History } from '../../src/shared/history.ts';
import { BINARY, Log, MIN_RING_BYTES, RecordWord, unitsOf } from '../../src/shared/log.ts';
import { Publisher } from '../../src/shared/publisher.ts';
import { bytesFor, type CollectingReader, SharedLog, WRAP } from '../harness/shared-log.ts';

const UNITS = 64;
/** Of the smallest ring, which has that many units. */
const { maxDataBytes: MAX_DATA_BYTES } = new Log(Log.create(1, MIN_RING_BYTES));
const LOOPS = 2;
const CHANNELS = 3;

interface Published {
  readonly position: number;
  readonly channel: string;
  readonly sequence: number;
  readonly data: Buffer;
}

/** A log with two readers, and what ought to be in it. */
class ModelLog {
  readonly shared: SharedLog;
  readonly published: Published[] = [];
  end: number;
  readonly #start: number;
  readonly #readers: CollectingReader[];
  /** Records that each reader has read. */
  readonly #read = new Array<number>(LOOPS).fill(0);
  readonly #publisher: Publisher;
  readonly #history: History;

  constructor(start: number) {
    this.end = start;
    this.#start = start;
    this.shared = new SharedLog({ loops: LOOPS, start });
    this.#readers = Array.from({ length: LOOPS }, (_, reader) => this.shared.attach(reader));
    this.#publisher = new Publisher(this.shared.primary);
    this.#history = new History(this.shared.primary);
  }

  of(channel: string): Published[] {
    return this.published.filter((record) => record.channel === channel);
  }

  /** Where the next record goes, and whether there is room. */
  #expected(length: number): { position: number; end: number; fits: boolean } {
    const toEnd = UNITS - (this.end % UNITS);
    const position = unitsOf(length) > toEnd ? this.end + toEnd : this.end;
    const end = position + unitsOf(length);
    const cursors = this.#read.map((read) => {
      const last = this.published[read - 1];
      return last === undefined ? this.#start : last.position + unitsOf(last.data.length);
    });
    return { position, end, fits: end - UNITS <= Math.min(...cursors) };
  }

  publish(channel: string, length: number): void {
    const { position, end, fits } = this.#expected(length);
    const data = bytesFor(this.published.length, length);
    const sequence = this.of(channel).length + 1;
    const result = this.#publisher.publish(channel, 0, data, BINARY, 0);
    expect(result).toEqual(fits ? { ok: true, sequence } : { ok: false, reason: 'log-full' });
    if (!fits) return;
    const previous = this.of(channel).at(-1);
    this.published.push({ position, channel, sequence, data });
    this.end = end;
    const { log, writer } = this.shared.primary;
    expect(writer.end).toBe(end);
    expect(log.tail).toBe(end | 0);
    const distance = previous === undefined ? 0 : position - previous.position;
    expect(log.words[log.wordAt(position) + RecordWord.backLink]).toBe(distance > UNITS ? 0 : distance);
  }

  read(reader: number, count: number): void {
    const from = this.#read[reader] as number;
    const expected = this.published.slice(from, from + count);
    const seen = this.#readers[reader]?.collect(count) ?? [];
    expect(seen.map(({ position, sequence }) => [position, sequence])).toEqual(
      expected.map(({ position, sequence }) => [position % WRAP, sequence]),
    );
    for (const [i, { data }] of expected.entries()) expect(seen[i]?.data.equals(data)).toBe(true);
    this.#read[reader] = from + expected.length;
  }

  /** What the log still holds of a channel is found, and nothing else. */
  checkHistory(channel: string): void {
    const held = this.of(channel).filter(({ position }) => this.end - position <= UNITS);
    const found = this.#history.find(channel, undefined, Number.POSITIVE_INFINITY);
    expect(found.trail).toHaveLength(held.length);
    expect(found.complete).toBe(held.length === this.of(channel).length);
    expect(found.tail).toBe(this.end | 0);
    const messages: number[] = [];
    while (found.trail.length > 0) {
      for (const { sequence, data } of this.#history.take(found.trail).messages) {
        messages.push(sequence);
        expect(data.equals(this.of(channel)[sequence - 1]?.data as Buffer)).toBe(true);
      }
    }
    expect(messages).toEqual(held.map(({ sequence }) => sequence));
  }
}

const EDGES = [0, 2 ** 31, 2 ** 32, 2 ** 33, 2 ** 45];
const start = fc
  .tuple(fc.constantFrom(...EDGES), fc.nat(300))
  .map(([edge, before]) => Math.max(0, edge - before));
const length = fc.oneof(fc.nat(100), fc.nat(MAX_DATA_BYTES), fc.constantFrom(0, 36, 37, MAX_DATA_BYTES));
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ channel: fc.nat(CHANNELS - 1), length }) },
  { weight: 2, arbitrary: fc.record({ reader: fc.nat(LOOPS - 1), count: fc.integer({ min: 1, max: 80 }) }) },
);

describe('reader, writer, history and back links', () => {
  it('agree with positions counted in full when those pass the end of the ring, 2^31 and 2^32', () => {
    fc.assert(
      fc.property(start, fc.array(step, { minLength: 50, maxLength: 300, size: 'max' }), (start, steps) => {
        const model = new ModelLog(start);
        for (const step of steps) {
          if ('reader' in step) model.read(step.reader, step.count);
          else model.publish(`c${step.channel}`, step.length);
        }
        for (let i = 0; i < CHANNELS; i++) model.checkHistory(`c${i}`);
        for (let reader = 0; reader < LOOPS; reader++) model.read(reader, Number.POSITIVE_INFINITY);
      }),
      { numRuns: 40 },
    );
  });

  it.each([2 ** 31, 2 ** 32])(
    'are right at every step when positions pass %d in records of one unit',
    (edge) => {
      const model = new ModelLog(edge - 3 * UNITS);
      for (let i = 0; i < 6 * UNITS; i++) {
        model.publish(`c${i % CHANNELS}`, i % 37);
        model.read(0, 1);
        if (i % 50 === 0) model.read(1, Number.POSITIVE_INFINITY);
        for (let channel = 0; channel < CHANNELS; channel++) model.checkHistory(`c${channel}`);
      }
      expect(model.end).toBe(edge + 3 * UNITS);
    },
  );
});

describe('the end of the ring', () => {
  it.each([0, 2 ** 31 - UNITS, 2 ** 32 - UNITS])(
    'is skipped by a record that does not fit in front of it, wherever that record would begin, from position %d on',
    (start) => {
      for (let small = 0; small < UNITS; small++) {
        const model = new ModelLog(start);
        for (let i = 0; i < small; i++) {
          model.publish('small', 0);
          model.read(0, 1);
          model.read(1, 1);
        }
        model.publish('large', MAX_DATA_BYTES);
        model.publish('small', 1);
        for (const channel of ['small', 'large']) model.checkHistory(channel);
        model.read(0, 2);
        model.read(1, 2);
        const fits = unitsOf(MAX_DATA_BYTES) <= UNITS - small;
        expect(model.of('large')[0]?.position).toBe(start + (fits ? small : UNITS));
      }
    },
  );

  it('is never wrapped by a record: each lies in one piece', () => {
    const model = new ModelLog(WRAP - 100);
    for (let i = 0; i < 500; i++) {
      model.publish('c0', (i * 97) % (MAX_DATA_BYTES + 1));
      model.read(0, 1);
      model.read(1, 1);
    }
    for (const { position, data } of model.published) {
      expect((position % UNITS) + unitsOf(data.length)).toBeLessThanOrEqual(UNITS);
    }
  });
});
