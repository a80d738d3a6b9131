/** What waits for the engine: first in, first out, bounded in bytes. When there is no room the oldest goes, because the newest is worth most. */

export interface Waiting {
  readonly subject: string;
  readonly bytes: Uint8Array;
}

/** What a message costs beside its bytes. */
const PER_MESSAGE_BYTES = 128;
/** Taken from the front of the array when so many at its beginning are gone. */
const COMPACT_AT = 1024;

const costOf = ({ subject, bytes }: Waiting): number => bytes.length + subject.length + PER_MESSAGE_BYTES;

export class Outbox<Message extends Waiting = Waiting> {
  readonly #maxBytes: number;
  #queue: (Message | undefined)[] = [];
  #first = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#queue.length - this.#first;
  }

  /** Returns the oldest ones that were dropped for it. */
  push(message: Message): Message[] {
    this.#queue.push(message);
    this.#bytes += costOf(message);
    const dropped: Message[] = [];
    while (this.#bytes > this.#maxBytes && this.length > 1) {
      const oldest = this.shift();
      if (oldest !== undefined) dropped.push(oldest);
    }
    return dropped;
  }

  shift(): Message | undefined {
    const message = this.#queue[this.#first];
    if (message === undefined) return undefined;
    this.#bytes -= costOf(message);
    this.#queue[this.#first] = undefined;
    this.#first++;
    if (this.#first >= COMPACT_AT && this.#first * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
    return message;
  }

  /** Puts messages that were taken out back, in their order, before all others. Nothing is dropped for them. */
  unshift(messages: readonly Message[]): void {
    if (messages.length > this.#first) {
      this.#queue = [...messages, ...this.#queue.slice(this.#first)];
      this.#first = 0;
    } else {
      this.#first -= messages.length;
      for (const [i, message] of messages.entries()) this.#queue[this.#first + i] = message;
    }
    for (const message of messages) this.#bytes += costOf(message);
  }
}
