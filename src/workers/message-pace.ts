const SECOND_MS = 1000;

/**
 * The pace of one connection's messages: the generic cell rate algorithm (see `src/shared/take-pace.ts`) in plain numbers, for one
 * thread. A message adds a second to the debt, each second pays off `limit` of them, and the debt is never more than that of a burst:
 * of one second's worth. So a connection that was silent may send `limit` messages at once.
 */
export class MessagePace {
  /** In milliseconds times the limit: whole numbers when times are whole. */
  #debt = 0;
  #sinceMs = 0;

  /** Counts a message, unless there are too many. */
  tryTake(limit: number, nowMs: number): boolean {
    const debt = Math.max(0, this.#debt - (nowMs - this.#sinceMs) * limit) + SECOND_MS;
    if (debt > limit * SECOND_MS) return false;
    this.#debt = debt;
    this.#sinceMs = nowMs;
    return true;
  }
}
