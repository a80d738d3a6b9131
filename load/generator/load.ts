/** What a generator is asked to do, and what all kinds of load have in common. */
import { performance } from 'node:perf_hooks';
import type { DialectName } from './dialect.ts';

export interface Load {
  /** Name of the file beside this one that makes the load. */
  readonly kind: string;
  /** The server's processes. */
  readonly pids: readonly number[];
  readonly port: number;
  readonly dialect: DialectName;
  /** How long is measured, after the warm-up. */
  readonly seconds: number;
  /** Processes whose CPU time is told for themselves too, by the name of the figure: some of the server's, or others that it needs. */
  readonly apart?: Readonly<Record<string, readonly number[]>>;
}

/** Before measuring, so that the server's code is optimised; no longer than what is measured. */
const WARM_UP_MS = 1000;
export const warmUpMs = ({ seconds }: Load): number => Math.min(WARM_UP_MS, seconds * 1000);

/** What is still on its way at the end may take this long. */
export const DRAIN_TIMEOUT_MS = 3000;

/** How often what is due by the clock is sent. */
export const CLOCK_MS = 1;
/** A message that goes out later than this after it was due counts from then: the timer is to blame for less, the server for more. */
const LATE_MS = 5;
export const countsFrom = (dueMs: number, nowMs: number): number =>
  nowMs - dueMs > LATE_MS ? dueMs : performance.now();

/** Ends the run: a check has failed. What has been thrown is caught by the generator's main file, in callbacks too. */
export class Trouble extends Error {}

export function fail(why: string): never {
  throw new Trouble(why);
}
