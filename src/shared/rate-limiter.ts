/**
 * A rate limiter as one thread sees it: a table of keys (`entry-table.ts`), each with the takes of its window
 * (`take-window.ts`) and, when there is a burst, its pace (`take-pace.ts`). One lock for all keys, held for a few hundred
 * nanoseconds, and not taken at all for a key that is known to be closed (`closed-keys.ts`). The clock is read under the lock,
 * so times in the table are in the order of the takes.
 */

import { ClosedKeys } from './closed-keys.ts';
import type { EncodedKey } from './encoded-key.ts';
import { BLOCK_LONGS, EntryTable, EXPIRY_LONG } from './entry-table.ts';
import type { Settings } from './registry.ts';
import type { RateLimit, SharedRateLimiter, TakeResult } from './shared.ts';
import { ensureStackRoom } from './stack-room.ts';
import type { StateView } from './state-view.ts';
import { PACE_WORDS, TakePace } from './take-pace.ts';
import { TakeWindow, WINDOW_WORDS } from './take-window.ts';

const MAX_LIMIT = 2 ** 31 - 1;

export class TableRateLimiter implements SharedRateLimiter {
  readonly table: EntryTable;
  readonly settings: Settings;
  readonly #view: StateView;
  readonly #name: string;
  readonly #limit: number;
  readonly #windowMs: number;
  /** False for a burst above the limit: the window would forbid what the burst allows. */
  readonly #hasWindow: boolean;
  readonly #burst: number;
  readonly #window: TakeWindow;
  /** None without a burst. */
  readonly #pace: TakePace | undefined;
  readonly #closed = new ClosedKeys();

  constructor(view: StateView, anchor: number, name: string, settings: Settings) {
    const [limit, windowMs, burst] = settings;
    const ownWords = WINDOW_WORDS + (burst === 0 ? 0 : PACE_WORDS);
    this.table = new EntryTable(view, anchor, ownWords, name, (entry) => this.#window.free(entry));
    this.settings = settings;
    this.#view = view;
    this.#name = name;
    this.#burst = burst === 0 ? Number.POSITIVE_INFINITY : burst;
    this.#hasWindow = burst <= limit;
    this.#limit = this.#hasWindow ? limit : Number.POSITIVE_INFINITY;
    this.#windowMs = windowMs;
    this.#window = new TakeWindow(view, this.table, limit, windowMs);
    this.#pace = burst === 0 ? undefined : new TakePace(view, limit, windowMs, burst);
  }

  take(key: string, cost = 1): TakeResult {
    ensureStackRoom();
    if (!Number.isSafeInteger(cost) || cost < 0) {
      throw new RangeError(`${this.#name}: a cost is an integer from 0, not ${String(cost)}`);
    }
    const opensMs = cost === 1 ? this.#closed.get(key) : 0;
    if (opensMs !== 0) {
      const waitMs = opensMs - this.#view.nowMs();
      if (waitMs > 0) return refused(0, waitMs);
      this.#closed.delete(key);
    }
    const encoded = this.#view.setKey(key, this.#name);
    this.table.lock.lock();
    try {
      return this.#take(key, encoded, cost);
    } finally {
      this.table.lock.unlock();
    }
  }

  #take(key: string, encoded: EncodedKey, cost: number): TakeResult {
    const nowMs = this.#view.nowMs();
    const entry = this.table.find(encoded);
    const total = entry === 0 ? 0 : this.#window.total(entry, nowMs);
    const debt = entry === 0 ? 0 : (this.#pace?.debt(entry, nowMs) ?? 0);
    const room = Math.min(this.#limit - total, this.#pace?.room(debt) ?? Number.POSITIVE_INFINITY);
    if (cost > room) {
      if (cost > this.#limit || cost > this.#burst) return refused(room, Number.POSITIVE_INFINITY);
      const opensMs = this.#opensMs(entry, nowMs, total, cost);
      if (cost === 1) this.#closed.add(key, opensMs);
      return refused(room, opensMs - nowMs);
    }
    if (cost > 0 && entry === 0) this.#insert(encoded, nowMs, cost);
    if (cost > 0 && entry !== 0) this.#add(entry, nowMs, debt, cost);
    return { allowed: true, remaining: room - cost, retryAfterMs: 0 };
  }

  #insert(key: EncodedKey, nowMs: number, takes: number): void {
    const leavesMs = nowMs + this.#windowMs;
    const expiryMs = this.#hasWindow ? leavesMs : (this.#pace?.paidOffMs(nowMs, 0, takes) ?? leavesMs);
    this.table.insert(key, 0, expiryMs, (entry) => {
      this.#window.format(entry, this.#hasWindow ? takes : 0);
      this.#pace?.add(entry, nowMs, 0, takes);
    });
  }

  /** The pace first: should the window then throw for want of stack, too much has been counted, never too little. */
  #add(entry: number, nowMs: number, debt: number, takes: number): void {
    const paidOffMs = this.#pace?.paidOffMs(nowMs, debt, takes) ?? 0;
    this.#pace?.add(entry, nowMs, debt, takes);
    // The debt of a burst within the limit is paid off before the window is over.
    if (this.#hasWindow) this.#window.add(entry, nowMs, takes);
    else this.#view.doubles[entry * BLOCK_LONGS + EXPIRY_LONG] = paidOffMs;
  }

  /** When a take that does not fit would, if nobody else takes. */
  #opensMs(entry: number, nowMs: number, total: number, cost: number): number {
    const excess = total + cost - this.#limit;
    const windowMs = excess > 0 ? this.#window.leavesMs(entry, excess) : nowMs;
    return Math.max(windowMs, this.#pace?.opensMs(entry, cost) ?? nowMs);
  }
}

function refused(remaining: number, waitMs: number): TakeResult {
  return { allowed: false, remaining, retryAfterMs: Math.max(1, Math.ceil(waitMs)) };
}

/** Checks settings of the user, and gives them as the registry keeps them: a burst of 0 is none. */
export function limiterSettings(name: string, settings: RateLimit): Settings {
  const { limit, windowMs, burst } = settings;
  const check = (isValid: boolean, what: string, value: unknown): void => {
    if (!isValid) throw new RangeError(`rateLimiter "${name}": ${what}, not ${String(value)}`);
  };
  const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= MAX_LIMIT;
  check(isCount(limit), 'limit is an integer from 1 to 2^31 - 1', limit);
  check(Number.isFinite(windowMs) && windowMs >= 1, 'windowMs is a number of milliseconds from 1', windowMs);
  check(burst === undefined || isCount(burst), 'burst is an integer from 1 to 2^31 - 1', burst);
  return [limit, windowMs, burst ?? 0];
}

export function describeSettings([limit, windowMs, burst]: Settings): string {
  return `limit ${limit}, windowMs ${windowMs}${burst === 0 ? '' : `, burst ${burst}`}`;
}
