/** History is read in slices, and others publish between two of them. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { History } from '../../src/shared/history.ts';
import { BINARY, Log, MIN_RING_BYTES } from '../../src/shared/log.ts';
import { MessagePack } from '../../src/shared/message-pack.ts';
import { Publisher } from '../../src/shared/publisher.ts';
import { areExact, ModelHistory } from '../harness/model-history.ts';
import { bytesFor, SharedLog, WRAP } from '../harness/shared-log.ts';

const { maxDataBytes: MAX_DATA_BYTES, units: UNITS } = new Log(Log.create(1, MIN_RING_BYTES));
const ALL = Number.POSITIVE_INFINITY;
const name = fc.constantFrom('a', 'b', 'c', 'd');
const publishStep = fc.record({ name, length: fc.oneof(fc.nat(100), fc.nat(MAX_DATA_BYTES)) });
const start = fc.constantFrom(0, WRAP - 20, 2 ** 31 - 20);

function unpacked(pack: MessagePack): Buffer[] {
  const all: Buffer[] = [];
  for (let next = pack.peek(); next !== undefined; next = pack.peek()) {
    all.push(Buffer.from(next.data));
    pack.shift();
  }
  return all;
}

describe('finding and taking', () => {
  it('goes through long histories in slices, and copies a bounded number of bytes at a time', () => {
    const shared = new SharedLog({ ringBytes: 2 ** 20 });
    const publisher = new Publisher(shared.primary);
    const history = new History(shared.primary);
    const lock = vi.spyOn(shared.primary.lock, 'lock');
    for (let i = 0; i < 3000; i++) publisher.publish('small', 0, bytesFor(i, 20), BINARY, 0);
    lock.mockClear();
    const { trail, complete } = history.find('small', undefined, ALL);
    expect([trail.length, complete]).toEqual([3000, true]);
    // Once for the channel, and once for each 512 messages.
    expect(lock).toHaveBeenCalledTimes(1 + Math.ceil(3000 / 512));
    const slices: number[] = [];
    while (trail.length > 0) slices.push(history.take(trail).messages.length);
    expect(slices).toEqual([440, 512, 512, 512, 512, 512]);
    for (let i = 0; i < 10; i++) publisher.publish('large', 0, bytesFor(i, 30_000), BINARY, 0);
    const large = history.find('large', undefined, ALL).trail;
    expect(history.take(large).messages).toHaveLength(3);
    expect(large).toHaveLength(7);
  });

  it('reports what was overwritten between the two, and takes the rest', () => {
    const model = new ModelHistory();
    for (let i = 0; i < 10; i++) model.publish('a');
    const { trail } = model.history.find('a', undefined, ALL);
    for (let i = 0; i < UNITS - 5; i++) model.publish('b');
    const { lost, messages } = model.history.take(trail);
    expect([lost, messages.map(({ sequence }) => sequence)]).toEqual([5, [6, 7, 8, 9, 10]]);
    expect(trail).toHaveLength(0);
  });

  it('takes nothing when all was overwritten', () => {
    const model = new ModelHistory();
    for (let i = 0; i < 10; i++) model.publish('a');
    const { trail } = model.history.find('a', undefined, ALL);
    for (let i = 0; i < UNITS; i++) model.publish('b');
    expect(model.history.take(trail)).toEqual({ lost: 10, messages: [] });
    expect(trail).toHaveLength(0);
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

  it('leaves no gap between messages when others publish between two slices', () => {
    const shared = new SharedLog({ ringBytes: 2 ** 16 });
    const history = new History(shared.primary);
    const other = new Publisher(shared.ofLoop(0));
    for (let i = 1; i <= 1000; i++) other.publish('a', 0, `${i}`, 0, 0);
    const { lock } = shared.primary;
    let holds = 0;
    const spy = vi.spyOn(lock, 'lock').mockImplementation(() => {
      // One for the channel, two for its positions, one for the first slice of messages.
      if (holds++ === 4) for (let i = 0; i < 700; i++) other.publish('b', 0, 'x', 0, 0);
      lock.tryLock();
    });
    const { messages, complete } = history.read('a', undefined, ALL);
    spy.mockRestore();
    expect(complete).toBe(false);
    const [first] = messages;
    expect(first?.sequence).toBeGreaterThan(512);
    expect(messages.map(({ sequence }) => sequence)).toEqual(
      messages.map((_, i) => (first?.sequence ?? 0) + i),
    );
    expect(messages.at(-1)?.sequence).toBe(1000);
  });
});

describe('taking ahead', () => {
  it('takes until there is as much as was asked for, and leaves the rest', () => {
    const shared = new SharedLog({ ringBytes: 2 ** 20 });
    const history = new History(shared.primary);
    const publisher = new Publisher(shared.primary);
    for (let i = 0; i < 10; i++) publisher.publish('a', 0, bytesFor(i, 40_000), BINARY, 0);
    const { trail } = history.find('a', undefined, ALL);
    const pack = new MessagePack(1000);
    expect([history.pack(trail, pack, 1), pack.length]).toEqual([0, 1]);
    expect([history.pack(trail, pack, 200_000), pack.length]).toEqual([0, 5]);
    expect([history.pack(trail, pack, ALL), pack.length]).toEqual([0, 10]);
    for (const [i, data] of unpacked(pack).entries()) expect(data.equals(bytesFor(i, 40_000))).toBe(true);
    expect(trail).toHaveLength(0);
  });

  it('drops what comes before a gap, and counts it as lost', () => {
    const shared = new SharedLog({ ringBytes: 2 ** 16 });
    const history = new History(shared.primary);
    const other = new Publisher(shared.ofLoop(0));
    for (let i = 1; i <= 1000; i++) other.publish('a', 0, `${i}`, 0, 0);
    const { trail } = history.find('a', undefined, ALL);
    const { lock } = shared.primary;
    let holds = 0;
    const spy = vi.spyOn(lock, 'lock').mockImplementation(() => {
      if (holds++ === 1) for (let i = 0; i < 700; i++) other.publish('b', 0, 'x', 0, 0);
      lock.tryLock();
    });
    const pack = new MessagePack(1000);
    const lost = history.pack(trail, pack, ALL);
    spy.mockRestore();
    // 24 units were free; then the oldest went, one for each.
    expect(lost).toBe(700 - 24);
    expect(unpacked(pack).map(Number)).toEqual(Array.from({ length: 1000 - lost }, (_, i) => lost + 1 + i));
  });
});

describe('counting from a position', () => {
  it.each([0, WRAP - 30, 2 ** 31 - 30])(
    'counts the messages of one channel from there on, when positions start at %d',
    (start) => {
      const model = new ModelHistory(64, start);
      for (let i = 0; i < 60; i++) model.publish(i % 3 === 0 ? 'a' : 'b', i % 2);
      for (let behind = 0; behind <= 60; behind++) {
        const from = start + 60 - behind;
        const expected = model.all('a').filter(({ position }) => position >= from).length;
        const counted = model.history.countFrom('a', from | 0);
        expect(counted).toEqual({ ...model.positionOf('a'), count: expected });
      }
      expect(model.history.countFrom('nobody', start | 0)).toMatchObject({ sequence: 0, count: 0 });
    },
  );
});
