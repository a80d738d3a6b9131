/** Things in the order in which they came, for a test that takes one after the other. */
export class Arrivals<T> {
  readonly #untaken: T[] = [];
  readonly #takers: ((value: T) => void)[] = [];

  add(value: T): void {
    const taker = this.#takers.shift();
    if (taker) taker(value);
    else this.#untaken.push(value);
  }

  /** The next one, now or later. */
  next(): Promise<T> {
    if (this.#untaken.length > 0) return Promise.resolve(this.#untaken.shift() as T);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Those that have come and were not taken. */
  get untaken(): readonly T[] {
    return this.#untaken;
  }
}
