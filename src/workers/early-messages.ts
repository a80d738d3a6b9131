/** A message that waits for its callback: a copy, because uWebSockets.js takes the original back. */
export interface EarlyMessage {
  readonly message: ArrayBuffer;
  readonly isBinary: boolean;
}

/** Messages of one connection that arrived before a callback for them was set, in order and bounded in bytes. */
export class EarlyMessages {
  /** `onUpgrade` has not ended yet. */
  isUpgrading = true;
  /** A delivery is scheduled. */
  isDelivering = false;
  #queue: EarlyMessage[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** Keeps a copy of the message; false when it and what waits already exceed `maxBytes`. */
  tryPush(message: ArrayBuffer, isBinary: boolean, maxBytes: number): boolean {
    // An empty message costs memory too: count each as if it had some bytes, lest a flood of them be free.
    const cost = message.byteLength + PER_MESSAGE_BYTES;
    const isFirst = this.#queue.length === 0;
    if (!isFirst && this.#bytes + cost > maxBytes) return false;
    this.#bytes += cost;
    this.#queue.push({ message: message.slice(0), isBinary });
    return true;
  }

  peek(): EarlyMessage | undefined {
    return this.#queue[0];
  }

  shift(): void {
    const first = this.#queue.shift();
    if (first) this.#bytes -= first.message.byteLength + PER_MESSAGE_BYTES;
  }

  /** Forgets everything; returns how many messages there were. */
  clear(): number {
    const count = this.#queue.length;
    this.#queue = [];
    this.#bytes = 0;
    return count;
  }
}

/** What a queued message costs beside its bytes. */
const PER_MESSAGE_BYTES = 16;
