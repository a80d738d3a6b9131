import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessagePace } from '../../src/workers/message-pace.ts';

const SECOND_MS = 1000;

describe('a pace of messages', () => {
  it('allows a second of messages at once, and then one whenever its share of a second is over', () => {
    const pace = new MessagePace();
    const taken = (nowMs: number): boolean => pace.tryTake(10, nowMs);
    expect(Array.from({ length: 12 }, () => taken(5000))).toEqual([...Array(10).fill(true), false, false]);
    expect([taken(5099), taken(5100), taken(5100), taken(5200)]).toEqual([false, true, false, true]);
  });

  it('allows no more after a long silence than after a second', () => {
    const pace = new MessagePace();
    expect(pace.tryTake(3, 0)).toBe(true);
    expect(Array.from({ length: 5 }, () => pace.tryTake(3, 1_000_000_000))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  it('allows all that come at the rate of the limit, for ever', () => {
    const pace = new MessagePace();
    const limit = 7;
    let allowed = 0;
    // Whole milliseconds, late by less than one each: never earlier than the rate.
    for (let i = 0; i < 100_000; i++) if (pace.tryTake(limit, Math.ceil((i * SECOND_MS) / limit))) allowed++;
    expect(allowed).toBe(100_000);
  });

  it('allows, in every stretch of time, no more than the limit for each second of it and one burst', () => {
    const steps = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 400, noNaN: true })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), steps, (limit, waits) => {
        const pace = new MessagePace();
        const allowed: number[] = [];
        let nowMs = 0;
        for (const wait of waits) {
          nowMs += wait;
          if (pace.tryTake(limit, nowMs)) allowed.push(nowMs);
        }
        for (const [first, start] of allowed.entries()) {
          for (const [last, end] of allowed.entries()) {
            if (last < first) continue;
            expect(last - first + 1).toBeLessThanOrEqual(limit * (1 + (end - start) / SECOND_MS) + 1e-6);
          }
        }
      }),
    );
  });
});
