/** What history gives, against a list of all that was published. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { ChannelPosition } from '../../src/shared/channel-log.ts';
import { History } from '../../src/shared/history.ts';
import { BINARY, COMPRESS, Log, MIN_RING_BYTES } from '../../src/shared/log.ts';
import { Publisher } from '../../src/shared/publisher.ts';
import { areExact, ModelHistory } from '../harness/model-history.ts';
import { bytesFor, SharedLog, WRAP } from '../harness/shared-log.ts';

const { maxDataBytes: MAX_DATA_BYTES, units: UNITS } = new Log(Log.create(1, MIN_RING_BYTES));
const ALL = Number.POSITIVE_INFINITY;

const name = fc.constantFrom('a', 'b', 'c', 'd');
const publishStep = fc.record({ name, length: fc.oneof(fc.nat(100), fc.nat(MAX_DATA_BYTES)) });
const start = fc.constantFrom(0, WRAP - 20, 2 ** 31 - 20);

describe('the history of a channel', () => {
  it('is what the log still holds, to the limit and behind `after`, exact and in order', () => {
    const question = fc.record({ name, limit: fc.oneof(fc.nat(30), fc.constant(ALL)), back: fc.nat(40) });
    fc.assert(
      fc.property(
        start,
        fc.array(publishStep, { maxLength: 150, size: 'max' }),
        fc.array(question, { minLength: 5, maxLength: 20 }),
        (start, steps, questions) => {
          const model = new ModelHistory(64, start);
          for (const { name, length } of steps) model.publish(name, length);
          for (const { name, limit, back } of questions) {
            const held = model.held(name);
            const { epoch, sequence } = model.positionOf(name);
            const newest = limit === 0 ? [] : held.slice(-limit);
            const isComplete = model.expectRead(name, undefined, limit, newest);
            expect(isComplete).toBe(held.length >= Math.min(limit, sequence));
            const after = { epoch, sequence: Math.max(0, sequence - back) };
            const behind = held.filter((message) => message.sequence > after.sequence);
            const isBehindComplete = model.expectRead(name, after, limit, behind.slice(0, limit));
            expect(isBehindComplete).toBe(behind.length === sequence - after.sequence);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is all that is held, and not complete, when `after` means nothing here', () => {
    const model = new ModelHistory();
    for (let i = 0; i < 5; i++) model.publish('a');
    for (const after of [
      null,
      7,
      {},
      { epoch: 'x', sequence: 2 },
      { ...model.positionOf('a'), sequence: 6 },
    ]) {
      expect(model.expectRead('a', after as ChannelPosition, ALL, model.all('a'))).toBe(false);
    }
  });

  it('is empty when the channel is not there, is no name, or has no message', () => {
    const model = new ModelHistory();
    for (const channel of ['nobody', '', 'x'.repeat(256), '\ud800']) {
      const { messages, complete, sequence } = model.history.read(channel, undefined, ALL);
      expect([messages, complete, sequence]).toEqual([[], true, 0]);
      const after = { epoch: 'x', sequence: 1 };
      expect(model.history.read(channel, after, ALL)).toMatchObject({ messages: [], complete: false });
    }
  });

  it('can be read on, a page at a time, to the last message', () => {
    const model = new ModelHistory();
    for (let i = 0; i < 50; i++) model.publish('a', 3);
    let after: ChannelPosition = { ...model.positionOf('a'), sequence: 0 };
    const sequences: number[] = [];
    for (let page = 0; page < 8; page++) {
      const { messages, epoch, complete } = model.history.read('a', after, 7);
      expect(complete).toBe(true);
      sequences.push(...messages.map(({ sequence }) => sequence));
      after = { epoch, sequence: sequences.at(-1) ?? 0 };
    }
    expect(sequences).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  it('starts anew when the channel was forgotten, also when its entry is another channel’s by now', () => {
    const model = new ModelHistory(1);
    for (let i = 0; i < 3; i++) model.publish('a');
    const before = model.positionOf('a');
    model.publish('b');
    expect(model.history.read('a', undefined, ALL)).toMatchObject({ messages: [], sequence: 0 });
    expect(model.expectRead('b', undefined, ALL, model.all('b'))).toBe(true);
    model.publish('a');
    expect(model.expectRead('a', undefined, ALL, model.all('a'))).toBe(true);
    expect(model.expectRead('a', before, ALL, model.all('a'))).toBe(false);
  });

  it('says who published a message, whether it is binary, and whether it may be compressed', () => {
    const shared = new SharedLog({ loops: 3 });
    const history = new History(shared.primary);
    new Publisher(shared.ofLoop(2)).publish('a', 0, 'téxt', COMPRESS, 77);
    new Publisher(shared.ofLoop(1)).publish('a', 0, bytesFor(0, 5), BINARY, 0);
    const { positions } = history.find('a', undefined, ALL);
    expect(history.take(positions).messages).toEqual([
      { sequence: 1, isBinary: false, compress: true, thread: 3, connection: 77, data: Buffer.from('téxt') },
      { sequence: 2, isBinary: true, compress: false, thread: 0, connection: 0, data: bytesFor(0, 5) },
    ]);
    expect(history.read('a', undefined, ALL).messages).toEqual([
      { sequence: 1, isBinary: false, data: 'téxt' },
      { sequence: 2, isBinary: true, data: new Uint8Array(bytesFor(0, 5)) },
    ]);
  });
});

describe('finding and taking', () => {
  it('goes through long histories in slices, and copies a bounded number of bytes at a time', () => {
    const shared = new SharedLog({ ringBytes: 2 ** 20 });
    const publisher = new Publisher(shared.primary);
    const history = new History(shared.primary);
    const lock = vi.spyOn(shared.primary.lock, 'lock');
    for (let i = 0; i < 3000; i++) publisher.publish('small', 0, bytesFor(i, 20), BINARY, 0);
    lock.mockClear();
    const { positions, complete } = history.find('small', undefined, ALL);
    expect([positions.length, complete]).toEqual([3000, true]);
    // Once for the channel, and once for each 512 messages.
    expect(lock).toHaveBeenCalledTimes(1 + Math.ceil(3000 / 512));
    const slices: number[] = [];
    while (positions.length > 0) slices.push(history.take(positions).messages.length);
    expect(slices).toEqual([512, 512, 512, 512, 512, 440]);
    for (let i = 0; i < 10; i++) publisher.publish('large', 0, bytesFor(i, 30_000), BINARY, 0);
    const large = history.find('large', undefined, ALL).positions;
    expect(history.take(large).messages).toHaveLength(3);
    expect(large).toHaveLength(7);
  });

  it('reports what was overwritten between the two, and takes the rest', () => {
    const model = new ModelHistory();
    for (let i = 0; i < 10; i++) model.publish('a');
    const { positions } = model.history.find('a', undefined, ALL);
    for (let i = 0; i < UNITS - 5; i++) model.publish('b');
    const { lost, messages } = model.history.take(positions);
    expect([lost, messages.map(({ sequence }) => sequence)]).toEqual([5, [6, 7, 8, 9, 10]]);
    expect(positions).toEqual([]);
  });

  it('takes nothing when all was overwritten', () => {
    const model = new ModelHistory();
    for (let i = 0; i < 10; i++) model.publish('a');
    const { positions } = model.history.find('a', undefined, ALL);
    for (let i = 0; i < UNITS; i++) model.publish('b');
    expect(model.history.take(positions)).toEqual({ lost: 10, messages: [] });
    expect(positions).toEqual([]);
  });

  it('never gives a torn, missing or repeated message when others publish between two holds of the lock', () => {
    const burst = fc.array(publishStep, { maxLength: 12 });
    fc.assert(
      fc.property(
        fc.constantFrom(2, 3, 64),
        start,
        fc.array(publishStep, { minLength: 10, maxLength: 80, size: 'max' }),
        fc.array(burst, { maxLength: 6 }),
        fc.record({ limit: fc.nat(40), back: fc.option(fc.nat(40)) }),
        (maxChannels, start, steps, bursts, { limit, back }) => {
          const model = new ModelHistory(maxChannels, start);
          for (const { name, length } of steps) model.publish(name, length);
          const asked = model.positionOf('a');
          const all = model.all('a');
          const after =
            back === null ? undefined : { ...asked, sequence: Math.max(0, asked.sequence - back) };
          const { lock } = model.shared.primary;
          let holds = 0;
          const spy = vi.spyOn(lock, 'lock').mockImplementation(() => {
            // What is published before the first hold would only be a later question.
            if (holds > 0)
              for (const { name, length } of bursts[holds - 1] ?? []) model.publish(name, length);
            holds++;
            if (!lock.tryLock()) throw new Error('the lock was not given back');
          });
          const result = model.history.read('a', after, limit);
          spy.mockRestore();
          expect(result).toMatchObject(asked);
          const sequences = result.messages.map(({ sequence }) => sequence);
          const from = after?.sequence ?? Math.max(0, asked.sequence - limit);
          const [first = from + 1] = sequences;
          expect(sequences).toEqual(sequences.map((_, i) => first + i));
          expect(areExact(result, all)).toBe(true);
          expect(sequences.length).toBeLessThanOrEqual(limit);
          // Allowed: all that was asked for, and that it is complete; or a part without gaps, and that it is not.
          const wanted = Math.min(limit, asked.sequence - from);
          if (result.complete) expect([first, sequences.length]).toEqual([from + 1, wanted]);
          else expect(first).toBeGreaterThan(from);
          if (after === undefined && sequences.length > 0) expect(sequences.at(-1)).toBe(asked.sequence);
        },
      ),
      { numRuns: 300 },
    );
  });
});
