/**
 * Wakes a loop that sleeps, when there is something to read.
 *
 * | word | writers | readers | initial | meaning |
 * |---|---|---|---|---|
 * | bell | the reader sets it to 1; whoever takes it back to 0 wakes the reader | any thread | 0 | 1: the reader sleeps, or is about to |
 *
 * The reader stores 1 and then loads the tail; a writer stores the tail and then loads the bell. All four are sequentially
 * consistent, so in their one order either the reader's load comes after the writer's store, and it sees the record, or the
 * writer's load comes after the reader's store, and it sees the bell. So no record is left with a sleeping reader.
 */
const AWAKE = 0;
const ASLEEP = 1;

/** The writers' side. Any thread. */
export function ring(words: Int32Array<SharedArrayBuffer>, bell: number): void {
  // The load spares the exchange, which would take the line from the reader, while the reader is awake.
  if (
    Atomics.load(words, bell) === ASLEEP &&
    Atomics.compareExchange(words, bell, ASLEEP, AWAKE) === ASLEEP
  ) {
    Atomics.notify(words, bell);
  }
}

/** The reader's side: belongs to one loop. */
export class Doorbell {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bell: number;
  readonly #onRing: () => void;
  /** A wait is under way. It outlives `disarm`, and serves the next time. */
  #isWaiting = false;

  constructor(words: Int32Array<SharedArrayBuffer>, bell: number, onRing: () => void) {
    this.#words = words;
    this.#bell = bell;
    this.#onRing = onRing;
    // A thread before this one may have left it set.
    this.disarm();
  }

  /** Says that the loop is about to sleep. The caller looks once more for what there is to read, then waits or disarms. */
  arm(): void {
    Atomics.store(this.#words, this.#bell, ASLEEP);
  }

  /** The loop is awake: nobody needs to ring. */
  disarm(): void {
    Atomics.store(this.#words, this.#bell, AWAKE);
  }

  /** Has `onRing` called once, when it rings. False when it has rung already. Does not keep the thread alive. */
  tryWait(): boolean {
    if (this.#isWaiting) return true;
    // Waits only while the bell is still set.
    const wait = Atomics.waitAsync(this.#words, this.#bell, ASLEEP);
    if (!wait.async) return false;
    this.#isWaiting = true;
    void wait.value.then(() => {
      this.#isWaiting = false;
      this.#onRing();
    });
    return true;
  }
}
