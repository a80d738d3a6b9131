/** What a queued message costs beside its bytes. */
const PER_MESSAGE_BYTES = 16;

interface EarlyMessage {
  readonly message: Buffer;
  readonly isBinary: boolean;
}

/**
 * Messages of one connection that arrived before its first callback was set: in order, and bounded in bytes; what comes beyond that is
 * forgotten.
 */
export class EarlyQueue {
  readonly #maxBytes: number;
  #queue: EarlyMessage[] = [];
  #bytes = 0;
  #isOpen = true;
  #isDelivering = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Messages still wait here, or will. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  push(message: Buffer, isBinary: boolean): void {
    const bytes = message.byteLength + PER_MESSAGE_BYTES;
    // One fits, however large it is.
    if (this.#queue.length > 0 && this.#bytes + bytes > this.#maxBytes) return;
    this.#bytes += bytes;
    this.#queue.push({ message, isBinary });
  }

  clear(): void {
    this.#queue = [];
  }

  /** Gives all that waits, in a microtask, so that callbacks that are set one after the other are all there; then it is of no use. */
  deliver(give: (message: Buffer, isBinary: boolean) => void): void {
    if (!this.#isOpen || this.#isDelivering) return;
    this.#isDelivering = true;
    queueMicrotask(() => {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
        give(next.message, next.isBinary);
      this.#isOpen = false;
    });
  }
}
