import type { SendOptions } from '../websocket.ts';

/** What a queued message costs beside its bytes. */
const PER_MESSAGE_BYTES = 16;

export interface Outgoing {
  /** Bytes are a copy: the sender may change its own meanwhile. */
  readonly data: string | Uint8Array;
  readonly options: SendOptions;
}

/** Messages that wait for a connection, in order and bounded in bytes. */
export class Outbox {
  readonly #maxBytes: number;
  #queue: Outgoing[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False when there is no room. */
  tryAdd(data: string | Uint8Array, options: SendOptions): boolean {
    const bytes = Buffer.byteLength(data) + PER_MESSAGE_BYTES;
    if (this.#bytes + bytes > this.#maxBytes) return false;
    this.#bytes += bytes;
    this.#queue.push({ data: typeof data === 'string' ? data : new Uint8Array(data), options });
    return true;
  }

  /** Hands over all that waits. */
  take(): Outgoing[] {
    const all = this.#queue;
    this.#queue = [];
    this.#bytes = 0;
    return all;
  }
}
