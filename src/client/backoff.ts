/** Full-jitter exponential backoff: how long to wait before the next attempt. */

/** Waits between attempts: each is anything up to a bound that begins at `firstMs` and doubles, up to `maxMs`. */
export interface BackoffOptions {
  /** Milliseconds: the first wait is anything up to this. Default: 1000. */
  readonly firstMs?: number | undefined;
  /** Milliseconds: no wait is longer. Default: 30,000. */
  readonly maxMs?: number | undefined;
}

const DEFAULT_FIRST_MS = 1000;
const DEFAULT_MAX_MS = 30_000;
const FACTOR = 2;

export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  #attempt = 0;

  constructor({ firstMs = DEFAULT_FIRST_MS, maxMs = DEFAULT_MAX_MS }: BackoffOptions = {}) {
    for (const [name, value] of Object.entries({ firstMs, maxMs }))
      if (!(value >= 0 && value <= 2 ** 31 - 1))
        throw new RangeError(`${name} ${value} is not accepted; give milliseconds from 0 to 2147483647`);
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
  }

  /** Attempts since the last success. */
  get attempt(): number {
    return this.#attempt;
  }

  /**
   * Milliseconds to wait: anything from 0 to a bound that doubles with each attempt, so that clients that were cut off together do not
   * come back together. Not less than `leastMs`, which a server asked for; that is spread over as much again.
   */
  next(leastMs = 0): number {
    const boundMs = Math.min(this.#maxMs, this.#firstMs * FACTOR ** this.#attempt);
    this.#attempt++;
    return leastMs + Math.random() * Math.max(boundMs, leastMs);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
