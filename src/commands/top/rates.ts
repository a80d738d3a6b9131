/** Messages per second, from the totals of two looks at a server. */
import type { LoopStatus, ServerStatus } from '../../primary/admin/status.ts';

/** Two looks that are closer say little, and say it loudly. */
const LEAST_SECONDS = 0.5;

const RATED = ['messagesIn', 'messagesOut', 'published', 'deliveries'] as const;

/** Per second, rounded. */
export type Rates = Readonly<Record<(typeof RATED)[number], number>>;

/** By loop; null when the two are not of the same server, or too close to each other. */
export function ratesBetween(before: ServerStatus, after: ServerStatus): ReadonlyMap<number, Rates> | null {
  const seconds = (after.uptimeMs - before.uptimeMs) / 1000;
  if (after.pid !== before.pid || after.startedAt !== before.startedAt || !(seconds >= LEAST_SECONDS))
    return null;
  const earlier = new Map(before.loops.map((loop) => [loop.id, loop]));
  return new Map(after.loops.map((loop) => [loop.id, ratesOf(earlier.get(loop.id), loop, seconds)]));
}

function ratesOf(before: LoopStatus | undefined, after: LoopStatus, seconds: number): Rates {
  return rate((name) => Math.max(0, after.counters[name] - (before?.counters[name] ?? 0)) / seconds);
}

/** Of all loops together. */
export function allRates(rates: ReadonlyMap<number, Rates>): Rates {
  return rate((name) => [...rates.values()].reduce((sum, of) => sum + of[name], 0));
}

const rate = (of: (name: (typeof RATED)[number]) => number): Rates =>
  Object.fromEntries(RATED.map((name) => [name, Math.round(of(name))])) as Rates;
