import { describe, expect, it } from 'vitest';
import type { RateLimit } from '../../src/shared/shared.ts';
import { SharedState } from '../../src/shared/state.ts';
import { CELLS } from '../../src/shared/take-window.ts';
import { crew } from '../harness/crew.ts';

const THREADS = 4;
const STRESS = process.env.POLYLOOP_STRESS === '1';
const DURATION_MS = STRESS ? 10_000 : 400;
const MAX_TAKES = STRESS ? 5_000_000 : 400_000;

interface Take {
  readonly before: number;
  readonly after: number;
  readonly allowed: boolean;
}

/** A `clock` of its own goes on only when a thread looks at it. */
async function takeTogether(
  settings: RateLimit,
  cost: number,
  durationMs: number,
  clock?: Int32Array<SharedArrayBuffer>,
): Promise<Take[]> {
  const results = await crew<Float64Array>('shared-limiter-thread.js', THREADS, {
    memory: SharedState.create(2 ** 16),
    settings,
    durationMs,
    maxTakes: MAX_TAKES,
    cost,
    clock,
  });
  const takes: Take[] = [];
  for (const times of results) {
    for (let i = 0; i < times.length; i += 2) {
      const after = times[i + 1] as number;
      takes.push({ before: times[i] as number, after: Math.abs(after), allowed: after > 0 });
    }
  }
  return takes.sort((a, b) => a.before - b.before);
}

/** Most takes that were allowed in any window for certain: between its start and its end, wherever in a call it happened. */
function mostIn(takes: readonly Take[], windowMs: number): number {
  const allowed = takes.filter((take) => take.allowed);
  let most = 0;
  for (let first = 0; first < allowed.length; first++) {
    const endMs = (allowed[first] as Take).before + windowMs;
    let count = 0;
    for (let i = first; i < allowed.length && (allowed[i] as Take).before < endMs; i++)
      if ((allowed[i] as Take).after < endMs) count++;
    most = Math.max(most, count);
  }
  return most;
}

/** Refusals for which there is no reason, whatever the order in which calls beside each other were decided. */
function refusedForNothing(takes: readonly Take[], { limit, windowMs }: RateLimit, cost: number): number {
  const keptMs = windowMs * (1 + 1 / CELLS);
  const allowed = takes.filter((take) => take.allowed);
  const starts = allowed.map(({ before }) => before);
  const ends = allowed.map(({ after }) => after).sort((a, b) => a - b);
  let started = 0;
  let left = 0;
  const refused = takes.filter((take) => !take.allowed).sort((a, b) => a.after - b.after);
  return refused.filter(({ before, after }) => {
    while (started < starts.length && (starts[started] as number) <= after) started++;
    // A refusal that began before the one before it did would need a look back; what is counted then is too little.
    while (left < ends.length && (ends[left] as number) + keptMs < before) left++;
    return (started - left + 1) * cost <= limit;
  }).length;
}

describe('a rate limiter that several threads ask without a pause', () => {
  it.each<[RateLimit, number]>([
    [{ limit: 1, windowMs: 5 }, 1],
    [{ limit: 100, windowMs: 100 }, 1],
    [{ limit: 1000, windowMs: 100 }, 1],
    [{ limit: 1000, windowMs: 100 }, 7],
  ])(
    'never allows more than the limit in any window, and refuses nothing without need, with %j and cost %i',
    async (settings, cost) => {
      const takes = await takeTogether(settings, cost, DURATION_MS);
      expect(mostIn(takes, settings.windowMs) * cost).toBeLessThanOrEqual(settings.limit);
      expect(refusedForNothing(takes, settings, cost)).toBe(0);
      expect(takes.filter((take) => take.allowed).length * cost).toBeGreaterThan(settings.limit);
    },
  );

  it.each<[RateLimit, number]>([
    [{ limit: 1, windowMs: 2 }, 1],
    [{ limit: 100, windowMs: 10 }, 1],
    [{ limit: 1000, windowMs: 30 }, 1],
    [{ limit: 7000, windowMs: 30 }, 7],
    [{ limit: 1000, windowMs: 30, burst: 1000 }, 1],
  ])('allows at least 99 % of the limit in the long run with %j and cost %i', async (settings, cost) => {
    const windows = 20;
    const clock = new Int32Array(new SharedArrayBuffer(4));
    const takes = await takeTogether(settings, cost, windows * settings.windowMs, clock);
    const allowed = takes.filter((take) => take.allowed).length * cost;
    expect(mostIn(takes, settings.windowMs) * cost).toBeLessThanOrEqual(settings.limit);
    expect(allowed).toBeGreaterThanOrEqual(0.99 * windows * settings.limit);
    // The demand was above the limit, or this says nothing.
    expect(takes.length * cost).toBeGreaterThan(2 * windows * settings.limit);
  });

  it('never allows more than the limit in any window, nor more than the burst at once, when there is one', async () => {
    const settings = { limit: 500, windowMs: 100, burst: 50 };
    const takes = await takeTogether(settings, 1, DURATION_MS);
    expect(mostIn(takes, 100)).toBeLessThanOrEqual(500);
    for (const ms of [0.1, 1, 5, 20]) expect(mostIn(takes, ms)).toBeLessThanOrEqual(50 + 5 * ms);
    expect(takes.filter((take) => take.allowed).length).toBeGreaterThan(500);
  });
});

describe('the measures of this test', () => {
  const at = (ms: number, allowed = true): Take => ({ before: ms, after: ms + 0.5, allowed });

  it('count what is in a window for certain', () => {
    expect(mostIn([at(0), at(1), at(2), at(9.8), at(10)], 10)).toBe(4);
    expect(mostIn([at(0), at(1, false), at(2), at(9), at(10.1)], 10)).toBe(3);
    expect(mostIn([at(0), at(5), at(9), at(10), at(14)], 10)).toBe(4);
  });

  it('know a refusal that has no reason', () => {
    const settings = { limit: 2, windowMs: 10 };
    const refused = (...takes: Take[]): number => refusedForNothing(takes, settings, 1);
    expect(refused(at(0), at(1), at(9, false), at(10.2, false))).toBe(0);
    expect(refused(at(0), at(5, false), at(6))).toBe(1);
    expect(refused(at(0), at(1), at(11, false), at(12, false))).toBe(2);
    expect(refused(at(0), at(1), at(10.55, false))).toBe(1);
  });
});
