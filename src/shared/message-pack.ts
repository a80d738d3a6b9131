/**
 * Copies of messages, one behind the other in one piece of memory, so that small ones cost little more than their bytes. Taken out in
 * the order in which they were put in. Belongs to one thread.
 *
 * ```
 * message        ├ u32 flags ├ u32 connection ├ u32 data bytes ├ data, padded to whole words ┤
 * ```
 */
const HEAD_WORDS = 3;
const WORD_BYTES = Uint32Array.BYTES_PER_ELEMENT;
/** What a message takes beside its data. */
export const HEAD_BYTES = HEAD_WORDS * WORD_BYTES;
const FIRST_BYTES = 4096;
const SLOW_GROWTH = 1.25;

/** A message of the pack; `data` is valid until something is added. */
export interface PackedMessage {
  readonly flags: number;
  readonly connection: number;
  readonly data: Uint8Array;
}

export class MessagePack {
  readonly #limit: number;
  #words = new Uint32Array(FIRST_BYTES / WORD_BYTES);
  #bytes = new Uint8Array(this.#words.buffer);
  #start = 0;
  #end = 0;
  #length = 0;

  /** Doubles up to `limit` bytes, and grows little by little from there. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Messages in it. */
  get length(): number {
    return this.#length;
  }

  /** Bytes that they take. */
  get byteLength(): number {
    return (this.#end - this.#start) * WORD_BYTES;
  }

  add(data: Uint8Array, flags: number, connection: number): void {
    const dataStart = this.#end + HEAD_WORDS;
    const end = dataStart + Math.ceil(data.byteLength / WORD_BYTES);
    if (end > this.#words.length) this.#grow(end);
    this.#words[this.#end] = flags;
    this.#words[this.#end + 1] = connection;
    this.#words[this.#end + 2] = data.byteLength;
    this.#bytes.set(data, dataStart * WORD_BYTES);
    this.#end = end;
    this.#length++;
  }

  /** The oldest message, which stays in the pack until `shift`. Undefined when there is none. */
  peek(): PackedMessage | undefined {
    if (this.#length === 0) return undefined;
    const head = this.#start;
    const from = (head + HEAD_WORDS) * WORD_BYTES;
    return {
      flags: this.#words[head] as number,
      connection: this.#words[head + 1] as number,
      data: this.#bytes.subarray(from, from + (this.#words[head + 2] as number)),
    };
  }

  shift(): void {
    const dataBytes = this.#words[this.#start + 2] as number;
    this.#start += HEAD_WORDS + Math.ceil(dataBytes / WORD_BYTES);
    this.#length--;
  }

  clear(): void {
    this.#start = 0;
    this.#end = 0;
    this.#length = 0;
  }

  #grow(needed: number): void {
    const { length } = this.#words;
    const doubled = Math.min(2 * length, Math.max(this.#limit / WORD_BYTES, length * SLOW_GROWTH));
    const words = new Uint32Array(Math.max(needed, doubled));
    words.set(this.#words.subarray(0, this.#end));
    this.#words = words;
    this.#bytes = new Uint8Array(words.buffer);
  }
}
