/** Keys that are remembered at most; a flood of refused takes comes with few. */
const MAX_KEYS = 256;

/**
 * Keys of a rate limiter that have no take left, and when the next is free. Until then no thread can take anything, so nothing
 * can change: what one thread has found out stays true without a look at the shared memory, and a flood of takes that
 * are refused holds up nobody. Belongs to one thread.
 */
export class ClosedKeys {
  readonly #opensMs = new Map<string, number>();

  /** When the key has a take again; 0 when it is not known to be closed. */
  get(key: string): number {
    return this.#opensMs.size === 0 ? 0 : (this.#opensMs.get(key) ?? 0);
  }

  add(key: string, opensMs: number): void {
    if (this.#opensMs.size >= MAX_KEYS) this.#opensMs.clear();
    this.#opensMs.set(key, opensMs);
  }

  delete(key: string): void {
    this.#opensMs.delete(key);
  }
}
