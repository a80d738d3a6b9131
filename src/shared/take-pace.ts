/**
 * Spreads the takes of a key, as the generic cell rate algorithm does (ITU-T I.371, annex A; the form of the leaky bucket):
 * every take adds to a debt, time pays it off, and the debt is never more than that of a burst.
 *
 * ```
 * entry          ├ … ├ f64 debt at the last take ├ f64 time of the last take ┤            at longs 6 and 7
 * ```
 * The debt of one take is `windowMs`, and each millisecond pays `limit` of it: whole numbers where the settings and the times are
 * whole, so nothing is lost to rounding. Called under the table's lock.
 */
import { BLOCK_LONGS } from './entry-table.ts';
import type { StateView } from './state-view.ts';

const DEBT = 6;
const SINCE = 7;
/** With those of the window before them, up to the end of the entry's first block. */
export const PACE_WORDS = 5;

export class TakePace {
  readonly #doubles: Float64Array<SharedArrayBuffer>;
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #burst: number;

  constructor(view: StateView, limit: number, windowMs: number, burst: number) {
    this.#doubles = view.doubles;
    this.#limit = limit;
    this.#windowMs = windowMs;
    this.#burst = burst;
  }

  /** What is left of the debt. */
  debt(entry: number, nowMs: number): number {
    const [debt, since] = this.#read(entry);
    return Math.max(0, debt - Math.max(0, nowMs - since) * this.#limit);
  }

  /** Takes that a key with this debt can have at once. */
  room(debt: number): number {
    return Math.floor((this.#burst * this.#windowMs - debt) / this.#windowMs);
  }

  /** When a debt will be paid off, with so many takes more. */
  paidOffMs(nowMs: number, debt: number, takes: number): number {
    return nowMs + (debt + takes * this.#windowMs) / this.#limit;
  }

  /** Adds takes to a debt. */
  add(entry: number, nowMs: number, debt: number, takes: number): void {
    this.#doubles[entry * BLOCK_LONGS + DEBT] = debt + takes * this.#windowMs;
    this.#doubles[entry * BLOCK_LONGS + SINCE] = nowMs;
  }

  /** When there will be room for so many takes. */
  opensMs(entry: number, takes: number): number {
    const [debt, since] = this.#read(entry);
    return since + (debt + (takes - this.#burst) * this.#windowMs) / this.#limit;
  }

  #read(entry: number): [number, number] {
    return [
      this.#doubles[entry * BLOCK_LONGS + DEBT] as number,
      this.#doubles[entry * BLOCK_LONGS + SINCE] as number,
    ];
  }
}
