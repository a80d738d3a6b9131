/** The contract of `loop.shared`: state that all loops share. */

/**
 * Names are global: the same name on any loop, at any time, is the same thing, also after a loop was replaced. A name is a
 * string of 1 to 255 bytes in UTF-8, else `TypeError` or `RangeError`. Asking for a name as another kind than it has throws
 * `SharedTypeError`. A thing is made when its name is first asked for and stays as long as the server;
 * `SharedMemoryFullError` when there is no room for it (option `stateBytes`). Every call is synchronous.
 */
export interface Shared {
  /** The counter of this name. */
  counter(name: string): SharedCounter;
  /** The map of this name. `V` is the type of its values, unchecked. */
  map<V = unknown>(name: string): SharedMap<V>;
  /** The mutex of this name. */
  mutex(name: string): SharedMutex;
  /** The rate limiter of this name. `SharedTypeError` when the limiter exists with other settings. */
  rateLimiter(name: string, settings: RateLimit): SharedRateLimiter;
}

/**
 * An exact integer between -(2^53 - 1) and 2^53 - 1, at first 0. Lock-free. A call that would leave that range, or is given
 * anything but such an integer, throws `RangeError` and changes nothing.
 */
export interface SharedCounter {
  /** Adds `n`, default 1, and returns the sum. */
  add(n?: number): number;
  /** The present value. */
  get(): number;
  /** Sets it to `n`, whatever it was. */
  set(n: number): void;
  /** Sets `n` if the counter is at `expected`. Returns what it was at before: `expected` means that it was set. */
  compareExchange(expected: number, n: number): number;
}

/** How an entry of a map is set. */
export interface SetOptions {
  /** Milliseconds until the entry is gone, more than 0. Default: it stays. */
  ttlMs?: number;
}

/** How an entry of a map is updated. */
export interface UpdateOptions {
  /** Milliseconds until the entry is gone, more than 0. Default: as before; an entry that is new stays. */
  ttlMs?: number;
}

/**
 * Values by string keys. A value is what JSON can carry, as `JSON.stringify` writes it, or bytes: a `Uint8Array`, another
 * view or an `ArrayBuffer`, which all come back as `Uint8Array`. Anything else throws `TypeError`. What is stored and what
 * is returned are copies. Each call but `size` and the iterations is one step that no other call can divide. A call that
 * throws has changed nothing. `SharedMemoryFullError` when there is no room (option `stateBytes`).
 */
export interface SharedMap<V = unknown> extends Iterable<[string, V]> {
  /** A copy of the value; undefined when there is no such entry. */
  get(key: string): V | undefined;
  /** Whether there is such an entry. */
  has(key: string): boolean;
  /** Sets value and time to live: without `ttlMs` the entry stays. */
  set(key: string, value: V, options?: SetOptions): void;
  /** Whether there was such an entry. */
  delete(key: string): boolean;
  /**
   * Reads, computes and writes as one step. `fn` runs once, on this loop, while every other call on this map waits: keep it
   * short. It gets the current value; what it returns is stored, and returned from here; `undefined` deletes the entry. A
   * promise is refused with `TypeError`. `MutexTimeoutError` when `fn` uses the same map.
   */
  update(key: string, fn: (current: V | undefined) => V | undefined, options?: UpdateOptions): V | undefined;
  /** Removes every entry. */
  clear(): void;
  /** Entries that are there. Takes a walk over the map if one may have run out of time since the last walk. */
  readonly size: number;
  /**
   * Every entry that is there all the time is met once, in no particular order; one that is set or deleted meanwhile may or
   * may not be met. No key is met twice, and no lock is held between two steps.
   */
  entries(): IterableIterator<[string, V]>;
  /** The key of every entry, met as in `entries`. */
  keys(): IterableIterator<string>;
  /** The value of every entry, met as in `entries`. */
  values(): IterableIterator<V>;
}

/** How long to wait for a mutex. */
export interface ExclusiveOptions {
  /** Longest wait for the mutex, in milliseconds; 0 does not wait. Default 5000. The loop stands still meanwhile. */
  timeoutMs?: number;
}

/** Lets one loop at a time do something. */
export interface SharedMutex {
  /**
   * Runs `fn` while no other loop runs one under this mutex, and returns its result. Free again when `fn` has returned or
   * thrown. `fn` is synchronous: a promise does not compile, and is refused with `TypeError`. `MutexTimeoutError` when the mutex is not free in
   * time, and at once inside `runExclusive` of the same mutex.
   */
  runExclusive<T>(fn: () => Synchronous<T>, options?: ExclusiveOptions): T;
}

/** Anything but a promise, whose work would go on when the lock is free again. */
export type Synchronous<T> = T extends PromiseLike<unknown> ? never : T;

/** Settings of a rate limiter. */
export interface RateLimit {
  /** Most takes in any window, 1 to 2^31 - 1. */
  readonly limit: number;
  /** Length of a window in milliseconds, at least 1. */
  readonly windowMs: number;
  /**
   * Most takes at once, 1 to 2^31 - 1: after them, takes are spread, one every `windowMs / limit`. Default: the whole limit at
   * once. With a burst above `limit`, only the spread holds: a window can have up to `limit + burst`.
   */
  readonly burst?: number;
}

/** Answer of `take`. */
export interface TakeResult {
  /** Whether the cost was taken. */
  readonly allowed: boolean;
  /** Takes of cost 1 that would be allowed right after this one. */
  readonly remaining: number;
  /**
   * 0 when allowed. Else milliseconds, rounded up, until the same take is allowed if nobody else takes; `Infinity` when the
   * cost is above the limit or the burst.
   */
  readonly retryAfterMs: number;
}

/** One budget per key over all loops. */
export interface SharedRateLimiter {
  /**
   * Takes `cost`, default 1, out of the budget of `key`, or nothing when it does not fit. A cost of 0 is always allowed and
   * only looks. `RangeError` for a cost that is not an integer of 0 or more; `SharedMemoryFullError` when there is no room for
   * a new key (option `stateBytes`).
   */
  take(key: string, cost?: number): TakeResult;
}
