/**
 * A futex mutex: one word, no system call while nobody waits.
 *
 * | word | writers | readers | initial | meaning |
 * |---|---|---|---|---|
 * | lock | any thread | any thread | 0 | 0: free; else the holder's number, plus `WAITERS` when someone may sleep on it |
 *
 * Taking it is a compare-and-exchange from 0, giving it back an exchange to 0. Both are sequentially consistent, so all that a
 * holder did before `unlock` happens before all that the next holder does after `lock`: what the mutex guards is read and
 * written plainly. The scheme is the second mutex of U. Drepper, "Futexes are tricky", 2011, with the holder's number in
 * place of 1, so that the lock of a thread that is no more can be found and freed (`free`).
 */
import { MutexTimeoutError } from '../errors.ts';

const FREE = 0;
/** Someone sleeps, or is about to; whoever unlocks must wake one. */
const WAITERS = 1 << 30;
const HOLDER = WAITERS - 1;
/** Looks at a taken lock before sleeping. What the locks here guard takes a microsecond; a sleep and a wake take fifty. */
const SPINS = 200;
/** Nothing here holds a lock for longer than a moment; who waits so long has met a bug, and is told. */
export const LOCK_TIMEOUT_MS = 10_000;

export class Mutex {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #index: number;
  readonly #holder: number;
  readonly #name: string;

  /**
   * The mutex in `words[index]` as one thread sees it; `holder` is that thread's number, 1 or more, and no other thread's.
   * `name` is for messages.
   */
  constructor(words: Int32Array<SharedArrayBuffer>, index: number, holder: number, name: string) {
    this.#words = words;
    this.#index = index;
    this.#holder = holder;
    this.#name = name;
  }

  /**
   * Takes the lock; blocks the thread while another has it. Throws `MutexTimeoutError` when it does not get it in time, and
   * at once when this thread holds it already: it would wait for itself.
   */
  lock(timeoutMs: number = LOCK_TIMEOUT_MS): void {
    this.unlock(true);
    // Acquires: what the last holder wrote is seen from here on.
    if (Atomics.compareExchange(this.#words, this.#index, FREE, this.#holder) !== FREE) this.#wait(timeoutMs);
  }

  /** Takes the lock if it is free, and never waits. */
  tryLock(): boolean {
    this.unlock(true);
    return Atomics.compareExchange(this.#words, this.#index, FREE, this.#holder) === FREE;
  }

  /** Runs what needs the lock, and gives it back whatever comes of that. */
  hold<T>(run: () => T): T {
    this.lock();
    try {
      return run();
    } finally {
      this.unlock();
    }
  }

  /**
   * Gives the lock back. Call it from `finally`. A call can throw when the stack is at its end, and the lock would then stay
   * taken; so `lock` rehearses this call, from further down the stack, before it takes the lock.
   */
  unlock(isRehearsal = false): void {
    if (isRehearsal) return;
    // Releases: what was written under the lock is seen by the next holder.
    if (Atomics.exchange(this.#words, this.#index, FREE) & WAITERS) {
      Atomics.notify(this.#words, this.#index, 1);
    }
  }

  /** This thread holds it. */
  get isMine(): boolean {
    return (Atomics.load(this.#words, this.#index) & HOLDER) === this.#holder;
  }

  #wait(timeoutMs: number): void {
    if (this.isMine) {
      throw new MutexTimeoutError(`mutex ${this.#name} is held already by this loop; it is not re-entrant`);
    }
    for (let spin = 0; spin < SPINS; spin++) {
      if (
        Atomics.load(this.#words, this.#index) === FREE &&
        Atomics.compareExchange(this.#words, this.#index, FREE, this.#holder) === FREE
      )
        return;
    }
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const seen = Atomics.load(this.#words, this.#index);
      if (seen === FREE) {
        // With WAITERS, whether or not others sleep: this thread cannot know, and one wake too many does no harm.
        const taken = this.#holder | WAITERS;
        if (Atomics.compareExchange(this.#words, this.#index, FREE, taken) === FREE) return;
        continue;
      }
      const marked = seen | WAITERS;
      // Marked before sleeping: a holder that unlocks after this sees the mark and wakes.
      if (seen !== marked && Atomics.compareExchange(this.#words, this.#index, seen, marked) !== seen)
        continue;
      const leftMs = deadline - performance.now();
      // Sleeps only while the word is still `marked`, so an unlock before the sleep is not missed.
      if (leftMs <= 0) {
        throw new MutexTimeoutError(`mutex ${this.#name} was not free within ${timeoutMs} ms`);
      }
      // Then it looks once more, in case the whole process stood still.
      Atomics.wait(this.#words, this.#index, marked, leftMs);
    }
  }

  /**
   * Frees the lock if the thread with that number holds it. Only for a thread that has ended. True when it was freed: what
   * the lock guards is then as that thread left it.
   */
  static free(words: Int32Array<SharedArrayBuffer>, index: number, holder: number): boolean {
    const seen = Atomics.load(words, index);
    if ((seen & HOLDER) !== holder) return false;
    // The holder is gone, so only the WAITERS mark can still change; either way everyone is woken to try again.
    Atomics.store(words, index, FREE);
    Atomics.notify(words, index);
    return true;
  }
}
