/** A rate limiter beside the list of all takes that it allowed, with a clock that the test moves. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RateLimit } from '../../src/shared/shared.ts';
import { CELLS, EXACT_LIMIT } from '../../src/shared/take-window.ts';
import { StateMemory } from '../harness/state-memory.ts';

const RUNS = process.env.POLYLOOP_STRESS === '1' ? 3000 : 150;

interface Step {
  readonly waitMs: number;
  readonly cost: number;
}

const steps = (windowMs: number, maxCost: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      waitMs: fc.oneof(
        fc.constant(0),
        fc.double({ min: 0, max: windowMs / 50, noNaN: true }),
        fc.integer({ min: 0, max: windowMs }),
      ),
      cost: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: maxCost })),
    }),
    { minLength: 10, maxLength: 300 },
  );

/** The takes that were allowed, and when. */
class Takes {
  readonly #takes: { readonly atMs: number; readonly cost: number }[] = [];

  add(atMs: number, cost: number): void {
    this.#takes.push({ atMs, cost });
  }

  /** Takes that were allowed less than so long ago. */
  within(ms: number, nowMs: number): number {
    return this.#takes.filter(({ atMs }) => nowMs - atMs < ms).reduce((sum, { cost }) => sum + cost, 0);
  }

  /** Most takes in any window that ends with one. */
  most(windowMs: number): number {
    const upTo = (end: number): number =>
      this.#takes
        .filter(({ atMs }) => atMs <= end && end - atMs < windowMs)
        .reduce((sum, { cost }) => sum + cost, 0);
    return Math.max(0, ...this.#takes.map(({ atMs }) => upTo(atMs)));
  }
}

function run(
  settings: RateLimit,
  list: readonly Step[],
  check: (step: { takes: Takes; nowMs: number; cost: number; allowed: boolean; remaining: number }) => void,
): Takes {
  const memory = new StateMemory();
  const limiters = [1, 2].map((holder) => memory.state(holder).rateLimiter('r', settings));
  const takes = new Takes();
  for (const [turn, { waitMs, cost }] of list.entries()) {
    memory.nowMs += waitMs;
    const { nowMs } = memory;
    const limiter = limiters[turn % 2] as (typeof limiters)[number];
    // Another key between: it must not matter.
    limiter.take(`other ${turn % 5}`, 1);
    const { allowed, remaining, retryAfterMs } = limiter.take('key', cost);
    check({ takes, nowMs, cost, allowed, remaining });
    if (allowed) {
      expect(retryAfterMs).toBe(0);
      takes.add(nowMs, cost);
    } else if (Number.isFinite(retryAfterMs)) {
      expect(Number.isInteger(retryAfterMs) && retryAfterMs >= 1).toBe(true);
    }
    expect(limiter.take('key', 0).remaining).toBe(remaining);
  }
  expect(memory.lostBlocks()).toBe(0);
  return takes;
}

describe('a limit', () => {
  it('is exact up to the exact limit', () => {
    const settings = fc.integer({ min: 1, max: EXACT_LIMIT }).map((limit) => ({ limit, windowMs: 100 }));
    fc.assert(
      fc.property(settings, steps(100, 5), ({ limit, windowMs }, list) => {
        const takes = run({ limit, windowMs }, list, ({ takes, nowMs, cost, allowed, remaining }) => {
          const free = limit - takes.within(windowMs, nowMs);
          expect(allowed).toBe(cost <= free);
          expect(remaining).toBe(allowed ? free - cost : free);
        });
        expect(takes.most(windowMs)).toBeLessThanOrEqual(limit);
      }),
      { numRuns: RUNS },
    );
  });

  it('is never exceeded above it, and a take counts for a cell too long at most', () => {
    const settings = fc
      .integer({ min: EXACT_LIMIT + 1, max: 300 })
      .map((limit) => ({ limit, windowMs: 100 }));
    fc.assert(
      fc.property(settings, steps(100, 50), ({ limit, windowMs }, list) => {
        const takes = run({ limit, windowMs }, list, ({ takes, nowMs, cost, allowed, remaining }) => {
          const free = limit - takes.within(windowMs, nowMs);
          const surelyFree = limit - takes.within(windowMs + windowMs / CELLS + 1e-6, nowMs);
          if (allowed) expect(cost).toBeLessThanOrEqual(free);
          else expect(cost).toBeGreaterThan(surelyFree);
          expect(remaining + (allowed ? cost : 0)).toBeGreaterThanOrEqual(surelyFree);
          expect(remaining + (allowed ? cost : 0)).toBeLessThanOrEqual(free);
        });
        expect(takes.most(windowMs)).toBeLessThanOrEqual(limit);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('a burst', () => {
  const settings = fc.record({
    limit: fc.integer({ min: 1, max: 50 }),
    windowMs: fc.constantFrom(100, 250, 1000),
    burst: fc.integer({ min: 1, max: 80 }),
  });

  it('is spread exactly as a debt that time pays off, and the limit holds besides', () => {
    fc.assert(
      fc.property(settings, steps(100, 5), ({ limit, windowMs, burst }, list) => {
        let debt = 0;
        let sinceMs = 0;
        const takes = run(
          { limit, windowMs, burst },
          list.map(({ waitMs, cost }) => ({ waitMs: Math.round(waitMs), cost })),
          ({ takes, nowMs, cost, allowed }) => {
            // In takes; whole numbers of `windowMs` parts, so exact.
            debt = Math.max(0, debt - (nowMs - sinceMs) * limit);
            sinceMs = nowMs;
            const fitsPace = debt + cost * windowMs <= burst * windowMs;
            const fitsWindow = burst > limit || takes.within(windowMs, nowMs) + cost <= limit;
            expect(allowed).toBe(fitsPace && fitsWindow);
            if (allowed) debt += cost * windowMs;
          },
        );
        expect(takes.most(windowMs)).toBeLessThanOrEqual(burst > limit ? burst + limit : limit);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('retryAfterMs', () => {
  it('is when the same take is allowed, and not before, when nobody else takes', () => {
    const settings = fc.record(
      {
        limit: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: EXACT_LIMIT + 1, max: 200 })),
        windowMs: fc.constantFrom(100, 256, 1000),
        burst: fc.integer({ min: 1, max: 30 }),
      },
      { requiredKeys: ['limit', 'windowMs'] },
    );
    fc.assert(
      fc.property(settings, steps(100, 20), (settings, list) => {
        const memory = new StateMemory();
        const limiter = memory.state().rateLimiter('r', settings);
        for (const { waitMs, cost } of list) {
          memory.nowMs += Math.round(waitMs);
          const { allowed, retryAfterMs } = limiter.take('key', cost);
          if (allowed) continue;
          const most = Math.min(settings.burst ?? settings.limit, settings.limit);
          if (settings.burst === undefined || settings.burst <= settings.limit)
            expect(retryAfterMs === Number.POSITIVE_INFINITY).toBe(cost > most);
          if (retryAfterMs === Number.POSITIVE_INFINITY) continue;
          memory.nowMs += retryAfterMs - 1;
          expect(limiter.take('key', cost).allowed).toBe(false);
          memory.nowMs += 1;
          expect(limiter.take('key', cost).allowed).toBe(true);
        }
      }),
      { numRuns: RUNS },
    );
  });
});
