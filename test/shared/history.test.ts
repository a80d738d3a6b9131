/** What history gives, against a list of all that was published. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChannelPosition } from '../../src/shared/channel-log.ts';
import { History } from '../../src/shared/history.ts';
import { BINARY, COMPRESS, Log, MIN_RING_BYTES } from '../../src/shared/log.ts';
import { Publisher } from '../../src/shared/publisher.ts';
import { ModelHistory } from '../harness/model-history.ts';
import { bytesFor, SharedLog, WRAP } from '../harness/shared-log.ts';

const { maxDataBytes: MAX_DATA_BYTES } = new Log(Log.create(1, MIN_RING_BYTES));
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
    const { trail } = history.find('a', undefined, ALL);
    expect(history.take(trail).messages).toEqual([
      { sequence: 1, isBinary: false, compress: true, thread: 3, connection: 77, data: Buffer.from('téxt') },
      { sequence: 2, isBinary: true, compress: false, thread: 0, connection: 0, data: bytesFor(0, 5) },
    ]);
    expect(history.read('a', undefined, ALL).messages).toEqual([
      { sequence: 1, isBinary: false, data: 'téxt' },
      { sequence: 2, isBinary: true, data: new Uint8Array(bytesFor(0, 5)) },
    ]);
  });
});
