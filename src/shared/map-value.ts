import type { BlockHeap } from './block-heap.ts';
import type { Scratch } from './scratch.ts';

/** How a value is kept: JSON of ASCII characters only, which is faster to read; other JSON, in UTF-8; bytes. */
const Kind = { ascii: 0, text: 1, bytes: 2 } as const;

/** A tag is the number of bytes, with the kind above it. */
const LENGTH_BITS = 29;
const LENGTH = 2 ** LENGTH_BITS - 1;
export const MAX_VALUE_BYTES = LENGTH;

/** Text longer than this is measured before room is made for it. */
const LONG_TEXT = 16 * 1024;
const MAX_UTF8_BYTES = 3;

/**
 * Values of a map as bytes, on their way into and out of the shared memory through the thread's scratch.
 *
 * ```
 * value          ├ bytes of JSON in UTF-8, or bytes as they are ┤      its tag is a word of the entry
 * ```
 */
export class MapValue {
  readonly #scratch: Scratch;

  constructor(scratch: Scratch) {
    this.#scratch = scratch;
  }

  /** Words that a value with that tag takes. */
  static wordsOf(tag: number): number {
    return ((tag & LENGTH) + 3) >>> 2;
  }

  /**
   * Puts a value into the scratch and returns its tag; -1 when it has more than `maxBytes`. May call code of the user
   * (`toJSON`, getters), whose errors pass. Throws `TypeError` for what is neither JSON nor bytes.
   */
  encode(value: unknown, maxBytes: number): number {
    const bytes = bytesOf(value);
    return bytes === undefined ? this.#encodeJson(value, maxBytes) : this.#encodeBytes(bytes, maxBytes);
  }

  /** Writes what `encode` put into the scratch into a chain, from payload word `at` on. */
  store(heap: BlockHeap, chain: number, at: number, tag: number): void {
    heap.store(chain, at, this.#scratch.words, MapValue.wordsOf(tag));
  }

  /** Reads a value out of a chain into the scratch, for `decode`. */
  load(heap: BlockHeap, chain: number, at: number, tag: number): void {
    this.#scratch.ensure(tag & LENGTH);
    heap.load(chain, at, this.#scratch.words, MapValue.wordsOf(tag));
  }

  /** The value in the scratch. Calls no code of the user. */
  decode(tag: number): unknown {
    const { bytes } = this.#scratch;
    const byteLength = tag & LENGTH;
    switch (tag >>> LENGTH_BITS) {
      case Kind.ascii:
        return JSON.parse(bytes.toString('latin1', 0, byteLength));
      case Kind.text:
        return JSON.parse(bytes.toString('utf8', 0, byteLength));
      default:
        return this.#scratch.copy(byteLength);
    }
  }

  #encodeJson(value: unknown, maxBytes: number): number {
    if (typeof value === 'number' && !Number.isFinite(value)) throw notCarried(String(value));
    const json: string | undefined = JSON.stringify(value);
    if (json === undefined) throw notCarried(typeof value);
    if (json.length > maxBytes) return -1;
    this.#scratch.ensure(json.length > LONG_TEXT ? Buffer.byteLength(json) : json.length * MAX_UTF8_BYTES);
    const byteLength = this.#scratch.bytes.write(json, 0, 'utf8');
    if (byteLength > maxBytes) return -1;
    return tagOf(byteLength === json.length ? Kind.ascii : Kind.text, byteLength);
  }

  #encodeBytes(bytes: Uint8Array, maxBytes: number): number {
    const { byteLength } = bytes;
    if (byteLength > maxBytes) return -1;
    this.#scratch.ensure(byteLength);
    this.#scratch.bytes.set(bytes);
    return tagOf(Kind.bytes, byteLength);
  }
}

const tagOf = (kind: number, byteLength: number): number => ((kind << LENGTH_BITS) | byteLength) >>> 0;

function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return new Uint8Array(value);
  return undefined;
}

const notCarried = (what: string): TypeError =>
  new TypeError(`a map keeps what JSON can carry, or bytes; it cannot keep ${what}`);
