import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EarlyMessages } from '../../src/workers/early-messages.ts';

const message = (length: number, fill = 0): ArrayBuffer => new Uint8Array(length).fill(fill).buffer;
const bytesOf = (buffer: ArrayBuffer): number[] => [...new Uint8Array(buffer)];
/** What one message of no bytes takes of the bound, found by pushing. */
function emptyMessagesWithin(maxBytes: number): number {
  const early = new EarlyMessages();
  let count = 0;
  while (count < 10_000 && early.tryPush(message(0), true, maxBytes)) count++;
  return count;
}

describe('early messages', () => {
  it('come out in the order they came in, with their kind', () => {
    const early = new EarlyMessages();
    for (const [index, isBinary] of [true, false, true].entries())
      expect(early.tryPush(message(1, index), isBinary, 1000)).toBe(true);
    const out: unknown[] = [];
    for (let next = early.peek(); next; next = early.peek()) {
      out.push([bytesOf(next.message), next.isBinary]);
      early.shift();
    }
    expect(out).toEqual([
      [[0], true],
      [[1], false],
      [[2], true],
    ]);
    expect(early.isEmpty).toBe(true);
  });

  it('are copies, so they stay what they were when the original is taken back', () => {
    const early = new EarlyMessages();
    const original = message(3, 7);
    early.tryPush(original, true, 1000);
    new Uint8Array(original).fill(9);
    structuredClone(original, { transfer: [original] });
    expect(original.byteLength).toBe(0);
    expect(bytesOf(early.peek()?.message ?? message(0))).toEqual([7, 7, 7]);
  });

  it('are kept when one alone is as large as the bound', () => {
    const early = new EarlyMessages();
    expect(early.tryPush(message(1000), true, 1000)).toBe(true);
    expect(early.tryPush(message(0), true, 1000)).toBe(false);
  });

  it('are bounded in number when they are empty', () => {
    const count = emptyMessagesWithin(1000);
    expect(count).toBeGreaterThan(1);
    expect(count).toBeLessThan(1000);
  });

  it('are not changed by a push that is refused', () => {
    const early = new EarlyMessages();
    early.tryPush(message(900, 1), true, 1000);
    expect(early.tryPush(message(900, 2), true, 1000)).toBe(false);
    early.shift();
    expect(early.isEmpty).toBe(true);
    expect(early.peek()).toBeUndefined();
  });

  it('are all forgotten, counted, and their room is free when they are cleared', () => {
    const early = new EarlyMessages();
    for (let i = 0; i < 5; i++) early.tryPush(message(100), true, 1000);
    expect(early.clear()).toBe(5);
    expect([early.isEmpty, early.peek(), early.clear()]).toEqual([true, undefined, 0]);
    expect(early.tryPush(message(1), true, 1000)).toBe(true);
    expect(early.tryPush(message(900), true, 1000)).toBe(true);
  });

  it('stay empty when one is taken from none', () => {
    const early = new EarlyMessages();
    early.shift();
    expect(early.isEmpty).toBe(true);
  });

  it('never take more than the bound, unless one alone does, and refuse only what would', () => {
    const step = fc.option(fc.nat(120), { nil: undefined });
    const perMessage = 1000 / emptyMessagesWithin(1000);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const early = new EarlyMessages();
        const model: number[] = [];
        for (const length of steps) {
          if (length === undefined) {
            early.shift();
            model.shift();
            continue;
          }
          const kept = model.reduce((sum, one) => sum + one, 0);
          const isKept = early.tryPush(message(length), true, 300);
          if (isKept) model.push(length);
          if (isKept && model.length > 1) expect(kept + length).toBeLessThanOrEqual(300);
          if (!isKept) expect(kept + length + (model.length + 1) * perMessage).toBeGreaterThan(300);
          expect(early.peek()?.message.byteLength).toBe(model[0]);
        }
        expect(early.clear()).toBe(model.length);
      }),
    );
  });
});
