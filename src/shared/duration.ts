/** A distribution of times, as one thread counts it and as others read it. */
import { DURATIONS, type DurationName } from './layout.ts';

const MICROS_PER_MS = 1000;

/** How many times lay between two bounds, and their sum. */
export interface DurationSnapshot {
  /** Upper bounds of the buckets in milliseconds, ascending. */
  readonly boundsMs: readonly number[];
  /** One for each bound: times above the bound before and not above this one; and one for what is above all. */
  readonly counts: readonly number[];
  /** Sum of all times, in milliseconds. */
  readonly sumMs: number;
}

export class Duration {
  readonly #bounds: readonly number[];
  /** As in shared memory: the counts, then the sum in microseconds. */
  readonly longs: number[];

  constructor(name: DurationName) {
    this.#bounds = DURATIONS[name];
    this.longs = Array.from({ length: this.#bounds.length + 2 }, () => 0);
  }

  add(ms: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && ms > (this.#bounds[bucket] as number)) bucket++;
    const sum = this.longs.length - 1;
    this.longs[bucket] = (this.longs[bucket] as number) + 1;
    this.longs[sum] = (this.longs[sum] as number) + Math.round(ms * MICROS_PER_MS);
  }
}

export function durationSnapshot(name: DurationName, longs: readonly number[]): DurationSnapshot {
  return {
    boundsMs: DURATIONS[name],
    counts: longs.slice(0, -1),
    sumMs: (longs.at(-1) ?? 0) / MICROS_PER_MS,
  };
}
