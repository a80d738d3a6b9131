/**
 * A counter as one thread sees it.
 *
 * ```
 * anchor         ├ link ├ u32 0 ├ i64 value ├ … 0 ┤                                a line by itself
 * ```
 * | word | writers | readers | initial | meaning |
 * |---|---|---|---|---|
 * | value | any thread | any thread | 0 | the value, in range; see `#addSafely` |
 *
 * Every access is one sequentially consistent operation on the 64-bit word, so all threads agree on one order of them. No lock.
 */
import { BLOCK_WORDS } from './layout.ts';
import type { SharedCounter } from './shared.ts';
import type { StateView } from './state-view.ts';

const VALUE_WORD = 2;
/** A value whose upper word is between minus this and this is at most half way to the end of the range. */
const FAR_UPPER = 2 ** 20;
/** So many threads would have to add this much at one instant to get from half way to the end: 2^21. */
const SMALL = 2 ** 31;

export const COUNTER_ANCHOR_BLOCKS = 1;

export class AtomicCounter implements SharedCounter {
  readonly #name: string;
  readonly #ints: Int32Array<SharedArrayBuffer>;
  readonly #longs: BigInt64Array<SharedArrayBuffer>;
  readonly #long: number;
  /** The upper half of the value; typed arrays have the byte order of the platform, which is little-endian on all that Node has. */
  readonly #upper: number;

  static format(view: StateView, anchor: number): void {
    view.words.fill(0, anchor * BLOCK_WORDS + 1, (anchor + 1) * BLOCK_WORDS);
  }

  constructor(view: StateView, anchor: number, name: string) {
    const word = anchor * BLOCK_WORDS + VALUE_WORD;
    this.#name = name;
    this.#ints = view.ints;
    this.#longs = view.longs;
    this.#long = word / 2;
    this.#upper = word + 1;
  }

  add(n = 1): number {
    this.#check(n);
    // A hint: other threads may have added since. They would have to add 2^52 to matter.
    const upper = Atomics.load(this.#ints, this.#upper);
    if (upper < -FAR_UPPER || upper >= FAR_UPPER || n < -SMALL || n > SMALL) return this.#addSafely(n);
    return this.#exact(Number(Atomics.add(this.#longs, this.#long, BigInt(n))) + n);
  }

  get(): number {
    return this.#exact(Number(Atomics.load(this.#longs, this.#long)));
  }

  set(n: number): void {
    this.#check(n);
    Atomics.store(this.#longs, this.#long, BigInt(n));
  }

  compareExchange(expected: number, n: number): number {
    this.#check(expected);
    this.#check(n);
    return this.#exact(Number(Atomics.compareExchange(this.#longs, this.#long, BigInt(expected), BigInt(n))));
  }

  /** Adds where the sum may be out of range: looks first, and adds only to what was looked at. */
  #addSafely(n: number): number {
    for (;;) {
      const before = Atomics.load(this.#longs, this.#long);
      const sum = Number(before) + n;
      if (!Number.isSafeInteger(sum)) {
        throw new RangeError(`${this.#name}: ${before} plus ${n} is more than a number can count exactly`);
      }
      if (Atomics.compareExchange(this.#longs, this.#long, before, BigInt(sum)) === before) return sum;
    }
  }

  /**
   * Never throws but in one case: another thread set the value from far inside the range to its very end, between the two
   * steps of `add`. The sum is then kept, exactly, and every call says so until the value is brought back.
   */
  #exact(value: number): number {
    if (Number.isSafeInteger(value)) return value;
    throw new RangeError(`${this.#name} is beyond what a number can count exactly`);
  }

  #check(n: number): void {
    if (!Number.isSafeInteger(n)) {
      throw new RangeError(`${this.#name}: ${String(n)} is not an integer between -(2^53 - 1) and 2^53 - 1`);
    }
  }
}
