/** How often, and how soon, one loop may be started again, or an offload worker when one did not come up. */

/** Wait before the next start: doubles from the first to the last value, and starts over after a calm minute. */
const FIRST_WAIT_MS = 100;
const LAST_WAIT_MS = 10_000;
const WINDOW_MS = 60_000;

export class RestartBudget {
  readonly #max: number;
  /** When the loop was started again within the last minute, oldest first. */
  #restarts: number[] = [];
  #waitMs = 0;

  /** At most `max` restarts within 60 seconds. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Milliseconds to wait before the next restart, which counts from now on; null when the budget is spent. */
  take(nowMs: number): number | null {
    this.#restarts = this.#restarts.filter((atMs) => nowMs - atMs < WINDOW_MS);
    if (this.#restarts.length >= this.#max) return null;
    this.#waitMs = this.#restarts.length === 0 ? FIRST_WAIT_MS : Math.min(this.#waitMs * 2, LAST_WAIT_MS);
    this.#restarts.push(nowMs);
    return this.#waitMs;
  }
}
