import { type HashKey, halfSipHash } from './half-sip-hash.ts';
import { Scratch } from './scratch.ts';

/** Mark in a tag: the key has lone surrogates, which UTF-8 cannot carry, and is kept as UTF-16, little-endian. */
const UTF16 = 2 ** 31;
const LENGTH = UTF16 - 1;
/** Above this, encoding character by character is slower. */
const SHORT_KEY = 32;
const ASCII_END = 0x80;
/** Most bytes of UTF-8 for one unit of UTF-16. */
const MAX_UTF8_BYTES = 3;

/**
 * A key of any string, as bytes, with its keyed hash: different strings give different tags or bytes. One is used again for
 * every key; belongs to one thread.
 */
export class EncodedKey {
  /** Number of bytes, plus the mark `UTF16`. */
  tag = 0;
  hash = 0;
  readonly #scratch = new Scratch();
  readonly #hashKey: HashKey;

  constructor(hashKey: HashKey) {
    this.#hashKey = hashKey;
  }

  /** The bytes, in whole words; those behind the last are 0. */
  get words(): Uint32Array {
    return this.#scratch.words;
  }

  /** Words that a key with that tag takes. */
  static wordsOf(tag: number): number {
    return ((tag & LENGTH) + 3) >>> 2;
  }

  set(key: string): void {
    this.tag = key.length <= SHORT_KEY ? this.#tryAscii(key) : -1;
    if (this.tag < 0) this.tag = key.isWellFormed() ? this.#utf8(key) : this.#utf16(key);
    this.hash = halfSipHash(this.#hashKey, this.#scratch.words, this.tag & LENGTH);
  }

  /** Makes room for a key with that tag in `words`, to be read there by `get`. */
  expect(tag: number): void {
    this.tag = tag;
    this.#scratch.ensure(tag & LENGTH);
  }

  get(): string {
    const byteLength = this.tag & LENGTH;
    return this.#scratch.bytes.toString(this.tag >= UTF16 ? 'utf16le' : 'utf8', 0, byteLength);
  }

  /** -1 when the key has characters beyond ASCII. */
  #tryAscii(key: string): number {
    this.#scratch.ensure(key.length);
    const { bytes } = this.#scratch;
    this.#clearLastWord(key.length);
    for (let i = 0; i < key.length; i++) {
      const unit = key.charCodeAt(i);
      if (unit >= ASCII_END) return -1;
      bytes[i] = unit;
    }
    return key.length;
  }

  #utf8(key: string): number {
    this.#scratch.ensure(key.length <= SHORT_KEY ? key.length * MAX_UTF8_BYTES : Buffer.byteLength(key));
    const { bytes } = this.#scratch;
    const byteLength = bytes.write(key, 0, 'utf8');
    bytes.fill(0, byteLength, (byteLength + 3) & ~3);
    return byteLength;
  }

  #utf16(key: string): number {
    const byteLength = 2 * key.length;
    this.#scratch.ensure(byteLength);
    this.#clearLastWord(byteLength);
    this.#scratch.bytes.write(key, 0, 'utf16le');
    return byteLength + UTF16;
  }

  #clearLastWord(byteLength: number): void {
    this.#scratch.words[byteLength >>> 2] = 0;
  }
}
