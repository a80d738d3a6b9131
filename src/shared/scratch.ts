/** Bytes that are kept from one use to the next; what needs more gives the rest back. */
const KEPT_BYTES = 64 * 1024;
const WORD_BYTES = Uint32Array.BYTES_PER_ELEMENT;

/** Private memory of one thread, through which bytes go in and out of the shared memory word by word. */
export class Scratch {
  words = new Uint32Array(KEPT_BYTES / WORD_BYTES);
  /** The same memory. */
  bytes = Buffer.from(this.words.buffer);
  /** And again: `slice` of a Buffer does not copy. */
  #plain = new Uint8Array(this.words.buffer);

  /** Makes room for so many bytes in whole words, and a word more. What was in it may be gone. */
  ensure(byteLength: number): void {
    const needed = Math.max(KEPT_BYTES, (Math.floor(byteLength / WORD_BYTES) + 2) * WORD_BYTES);
    if (needed === this.bytes.length) return;
    this.words = new Uint32Array(needed / WORD_BYTES);
    this.bytes = Buffer.from(this.words.buffer);
    this.#plain = new Uint8Array(this.words.buffer);
  }

  /** A copy of the first bytes. */
  copy(byteLength: number): Uint8Array {
    return this.#plain.slice(0, byteLength);
  }
}
