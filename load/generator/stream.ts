/**
 * An endless stream of numbered messages of one author, prebuilt: a few hundred or thousand frames that come again and again. Sending
 * writes a part of a buffer; checking compares what came with a part of another, so that a lost, doubled, swapped or changed message
 * shows, at the price of a memcmp.
 *
 * ```
 * payload   ├ author, a letter ├ number within the cycle, 4 hexadecimal digits ├ filler ┤      ASCII
 * ```
 */
import type { Dialect } from './dialect.ts';
import { clientFrame, serverFrame } from './frames.ts';

const NUMBER_DIGITS = 4;
const FIRST_AUTHOR = 'a'.charCodeAt(0);
export const MIN_PAYLOAD_BYTES = 1 + NUMBER_DIGITS;
const CYCLE_BYTES = 256 * 1024;
const MAX_CYCLE = 1024;
const MIN_CYCLE = 4;
const FILLER = 'polyloop ';

export class Stream {
  /** Messages until the stream begins again. */
  readonly cycle: number;
  /** Of one message as it comes back. */
  readonly frameBytes: number;
  readonly #sentBytes: number;
  /** Twice the cycle, so that each part of it is in one piece. */
  readonly #sent: Buffer;
  readonly #expected: Buffer;
  readonly #numberAt: number;

  /** `window` is the most messages on their way at a time. */
  constructor({ opcode, before, after }: Dialect, author: number, bytes: number, window: number) {
    if (bytes < MIN_PAYLOAD_BYTES)
      throw new RangeError(`messages of ${bytes} bytes: fewer than ${MIN_PAYLOAD_BYTES}`);
    this.cycle = Math.max(MIN_CYCLE, 2 * window, Math.min(MAX_CYCLE, Math.floor(CYCLE_BYTES / bytes)));
    const filler = FILLER.repeat(bytes / FILLER.length + 1).slice(0, bytes - MIN_PAYLOAD_BYTES);
    const payloads = Array.from({ length: this.cycle }, (_, number) => {
      const digits = number.toString(16).padStart(NUMBER_DIGITS, '0');
      return Buffer.from(before + String.fromCharCode(FIRST_AUTHOR + author) + digits + filler + after);
    });
    const sent = Buffer.concat(payloads.map((payload) => clientFrame(opcode, payload)));
    this.#sentBytes = sent.length / this.cycle;
    this.#sent = Buffer.concat([sent, sent]);
    this.#expected = Buffer.concat(payloads.map((payload) => serverFrame(opcode, payload)));
    this.frameBytes = this.#expected.length / this.cycle;
    this.#numberAt = this.frameBytes - after.length - filler.length - NUMBER_DIGITS;
  }

  /** The bytes to send for messages `from` to `from + count` of the stream; `count` is at most the cycle. */
  messages(from: number, count: number): Buffer {
    const start = (from % this.cycle) * this.#sentBytes;
    return this.#sent.subarray(start, start + count * this.#sentBytes);
  }

  /** Whether the stream has these bytes from its byte `position` on. */
  has(chunk: Buffer, position: number): boolean {
    const all = this.#expected;
    let at = position % all.length;
    for (let done = 0; done < chunk.length; ) {
      const bytes = Math.min(chunk.length - done, all.length - at);
      if (chunk.compare(all, at, at + bytes, done, done + bytes) !== 0) return false;
      done += bytes;
      at = 0;
    }
    return true;
  }

  /** Whether one frame in `chunk` is message `number`. */
  isMessage(chunk: Buffer, at: number, number: number): boolean {
    const start = (number % this.cycle) * this.frameBytes;
    const end = at + this.frameBytes;
    return chunk.compare(this.#expected, start, start + this.frameBytes, at, end) === 0;
  }

  /** Author of a frame in `chunk`; all streams of a dialect and a size are laid out alike. */
  authorAt(chunk: Buffer, at: number): number {
    return (chunk[at + this.#numberAt - 1] ?? 0) - FIRST_AUTHOR;
  }

  /** Number within the cycle of a frame in `chunk`; `NaN` when there is none. */
  numberAt(chunk: Buffer, at: number): number {
    const start = at + this.#numberAt;
    return Number.parseInt(chunk.toString('latin1', start, start + NUMBER_DIGITS), 16);
  }
}
