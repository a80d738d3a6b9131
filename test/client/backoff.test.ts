import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Backoff } from '../../src/client/backoff.ts';

test('waits up to a bound that doubles from the first to the largest, and starts over after a success', () => {
  fc.assert(
    fc.property(fc.nat(5000), fc.nat(60_000), fc.integer({ min: 1, max: 40 }), (firstMs, maxMs, attempts) => {
      const backoff = new Backoff({ firstMs, maxMs });
      for (let attempt = 0; attempt < attempts; attempt++) {
        const wait = backoff.next();
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(Math.min(maxMs, firstMs * 2 ** attempt));
      }
      expect(backoff.attempt).toBe(attempts);
      backoff.reset();
      expect(backoff.next()).toBeLessThanOrEqual(Math.min(maxMs, firstMs));
    }),
  );
});

test('spreads clients evenly over the whole wait when they were cut off together', () => {
  const tenths = new Array<number>(10).fill(0);
  for (let client = 0; client < 10_000; client++) {
    const tenth = Math.floor(new Backoff({ firstMs: 1000 }).next() / 100);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(200);
});

test('waits no less than the server asked for, and spreads that too', () => {
  const waits = Array.from({ length: 1000 }, () => new Backoff({ firstMs: 10 }).next(5000));
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(5000);
  expect(Math.max(...waits)).toBeGreaterThan(9000);
});

test('refuses times that no timer can wait', () => {
  for (const firstMs of [-1, Number.NaN, 2 ** 31]) expect(() => new Backoff({ firstMs })).toThrow(RangeError);
});
