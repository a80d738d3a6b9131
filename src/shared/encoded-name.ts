import { type HashKey, halfSipHash } from './half-sip-hash.ts';

/** Most bytes of a name, in UTF-8. */
export const MAX_NAME_BYTES = 255;

/** A name as UTF-8 bytes, in whole words, with its keyed hash. One is used again for every name; belongs to one thread. */
export class EncodedName {
  /** The bytes, in whole words; those behind the last are 0. */
  readonly words = new Uint32Array(Math.ceil(MAX_NAME_BYTES / Uint32Array.BYTES_PER_ELEMENT));
  byteLength = 0;
  hash = 0;
  readonly #bytes = Buffer.from(this.words.buffer);
  readonly #key: HashKey;

  constructor(key: HashKey) {
    this.#key = key;
  }

  /** Words that are in use. */
  get wordLength(): number {
    return (this.byteLength + 3) >>> 2;
  }

  /**
   * Takes a name. False when it is empty or too long, or has a lone surrogate: two such names could have the same bytes.
   */
  trySet(name: string): boolean {
    const byteLength = Buffer.byteLength(name);
    if (byteLength === 0 || byteLength > MAX_NAME_BYTES || !name.isWellFormed()) return false;
    this.words[(byteLength - 1) >>> 2] = 0;
    this.#bytes.write(name, 0, byteLength);
    this.byteLength = byteLength;
    this.hash = halfSipHash(this.#key, this.words, byteLength);
    return true;
  }
}
