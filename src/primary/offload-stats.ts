/** What the offload pool counts, from the start of the server. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

const MICROS_PER_MS = 1000;
const NO_TIMES: TimeSummary = { count: 0, mean: 0, p50: 0, p99: 0, max: 0 };

/** How long something took: milliseconds, with fractions; 0 when there was nothing yet. */
export interface TimeSummary {
  /** How many times were measured. */
  readonly count: number;
  /** Arithmetic mean. */
  readonly mean: number;
  /** Median. */
  readonly p50: number;
  /** 99 of 100 are not above it. */
  readonly p99: number;
  /** The longest. */
  readonly max: number;
}

/** What the offload pool does now, and has done since the start of the server. */
export interface OffloadSnapshot {
  /** Tasks that run at a time, at most. */
  readonly workers: number;
  /** Tasks that wait for an offload worker now. */
  readonly queued: number;
  /** Tasks that are run now. */
  readonly running: number;
  /** Tasks that had a result. */
  readonly completed: number;
  /** Tasks that threw, or whose offload worker ended or could not be started. */
  readonly failed: number;
  /** Tasks that had no result within their `timeoutMs`. */
  readonly timedOut: number;
  /** Tasks that were given up: by a signal, by the end of a connection, or by the end of their loop. */
  readonly aborted: number;
  /** Tasks that found the queue full. They are in no other count. */
  readonly refused: number;
  /** From the call to the start, of tasks that were started. */
  readonly waitMs: TimeSummary;
  /** From the start to the end, of tasks that were started, however they ended. */
  readonly runMs: TimeSummary;
}

/** How a task that was taken may end. */
export type TaskEnd = 'completed' | 'failed' | 'timedOut' | 'aborted';

export class OffloadStats {
  readonly ends: Record<TaskEnd, number> = { completed: 0, failed: 0, timedOut: 0, aborted: 0 };
  refused = 0;
  readonly waits = new Times();
  readonly runs = new Times();
}

class Times {
  readonly #histogram: RecordableHistogram = createHistogram();

  add(ms: number): void {
    // A histogram takes integers from 1.
    this.#histogram.record(Math.max(1, Math.round(ms * MICROS_PER_MS)));
  }

  summary(): TimeSummary {
    const histogram = this.#histogram;
    if (histogram.count === 0) return NO_TIMES;
    return {
      count: histogram.count,
      mean: histogram.mean / MICROS_PER_MS,
      p50: histogram.percentile(50) / MICROS_PER_MS,
      p99: histogram.percentile(99) / MICROS_PER_MS,
      max: histogram.max / MICROS_PER_MS,
    };
  }
}
