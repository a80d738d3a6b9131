/**
 * The user's mutex as one thread sees it.
 *
 * ```
 * anchor         ├ link ├ u32 lock ├ … 0 ┤                                         a line by itself
 * ```
 * The lock word is that of `mutex.ts`.
 */
import { BLOCK_WORDS } from './layout.ts';
import type { Mutex } from './mutex.ts';
import type { ExclusiveOptions, SharedMutex } from './shared.ts';
import { ensureStackRoom } from './stack-room.ts';
import type { StateView } from './state-view.ts';
import { requireSynchronous } from './synchronous.ts';

const DEFAULT_TIMEOUT_MS = 5000;

export const MUTEX_ANCHOR_BLOCKS = 1;

export class NamedMutex implements SharedMutex {
  readonly #name: string;
  readonly #lock: Mutex;

  static format(view: StateView, anchor: number): void {
    view.words.fill(0, anchor * BLOCK_WORDS + 1, (anchor + 1) * BLOCK_WORDS);
  }

  /** `quoted` is the name in quotes, for messages. */
  constructor(view: StateView, anchor: number, quoted: string) {
    this.#name = quoted;
    this.#lock = view.lockOf(anchor, quoted);
  }

  runExclusive<T>(fn: () => T, options?: ExclusiveOptions): T {
    ensureStackRoom();
    if (typeof fn !== 'function') throw new TypeError(`runExclusive of mutex ${this.#name} needs a function`);
    const timeoutMs = options?.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    if (!Number.isFinite(timeoutMs) || timeoutMs < 0) {
      throw new RangeError(
        `mutex ${this.#name}: timeoutMs is a number of milliseconds from 0, not ${String(timeoutMs)}`,
      );
    }
    this.#lock.lock(timeoutMs);
    try {
      return requireSynchronous(fn(), `runExclusive of mutex ${this.#name}`);
    } finally {
      this.#lock.unlock();
    }
  }
}
