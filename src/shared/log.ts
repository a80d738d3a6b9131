/**
 * The log: one ring buffer that carries every published message. This file says how a record lies in it.
 *
 * ```
 * record         0  u32 data bytes
 *                4  u32 flags, and from bit 16 the publisher's thread number (0: none)
 *                8  u32 channel: its entry in the channel table
 *                12 u32 back link: units from here back to the channel's previous record, 0: none within reach
 *                16 u32 sequence, low 32 bits
 *                20 u32 sequence, high bits
 *                24 u32 publisher's connection on its loop, 0: any
 *                28 data, then unused bytes up to a whole unit
 * ```
 * A record never wraps: where it would, a record flagged `PADDING` fills the ring to its end. A position counts units since the
 * start. The lock's holder counts in full (f64, exact to 2^53); tail and cursors are the low 32 bits of that and are compared
 * modulo 2^32, so they may wrap.
 *
 * | word | writers | readers | initial | meaning |
 * |---|---|---|---|---|
 * | lock | any thread | any thread | 0 | the append lock, a `Mutex`; guards the writer line, the ring's free units, the channel table |
 * | tail | holder of the lock | any thread | start | everything before it is written |
 * | end, gate, next check, reserved | holder of the lock | holder of the lock | start | see log-writer.ts |
 * | cursor | its reader; the holder of the lock when it attaches | holder of the lock | start | everything before it is read |
 * | state | holder of the lock; the primary when the reader's thread has ended | holder of the lock | 0 | 1: the cursor counts |
 * | bell | its reader sets, any thread clears | any thread | 0 | see doorbell.ts |
 */
import {
  cursorIndex,
  LAYOUT_VERSION,
  LOG_MAGIC,
  LOG_TAIL_INDEX,
  LogHeaderWord,
  LogWriterLong,
  logMemoryBytes,
  readerStateIndex,
  ringOffset,
  UNIT_BYTES,
} from './layout.ts';

/** Words of a record's header, by index from its first word. */
export const RecordWord = {
  dataBytes: 0,
  flags: 1,
  channel: 2,
  backLink: 3,
  sequenceLow: 4,
  sequenceHigh: 5,
  connection: 6,
} as const;
export const RECORD_HEADER_BYTES = 7 * Uint32Array.BYTES_PER_ELEMENT;
const WORDS_PER_UNIT = UNIT_BYTES / Uint32Array.BYTES_PER_ELEMENT;

/** The data is binary, not UTF-8 text. */
export const BINARY = 1;
/** The publisher allows compression. */
export const COMPRESS = 2;
/** No message: fills the ring up to its end. */
export const PADDING = 4;
/** It has come from another node, or is meant for this one alone. */
export const LOCAL = 8;
/** No message, and of no channel: tells the bridge something of a channel, see `Tell`. The data is its name. */
export const INTEREST = 16;
/** No message: stands for some that will not come. The data is their number, an f64; NaN when it is not known. */
export const GAP = 32;
/**
 * Of no channel: a message that the bridge is to send, and that comes back with its number when the engine has given it one. The data is
 * what was published and then the channel's name; the sequence says how many bytes the first of these has.
 */
export const OUTBOUND = 64;
/** A copy of a message that was there before, for those who look back. It is not delivered. */
export const REPLAY = 128;
/**
 * No message: says where the channel stands. The data is two f64, its life, and the sequence from which on the log holds what the engine holds,
 * Infinity when nothing was fetched.
 */
export const POSITION = 256;
const THREAD_SHIFT = 16;

/** What a record of interest says, as its connection: the channel has its first subscriber, has none, or is asked for behind the record's sequence. */
export const Tell = { unwanted: 0, wanted: 1, asked: 2 } as const;
export type Tell = (typeof Tell)[keyof typeof Tell];

/** Who gives messages their numbers when there are other nodes: each node, or the engine for each channel. */
export type BridgeOrder = 'node' | 'channel';

export const TWO_32 = 2 ** 32;
const INACTIVE = 0;
const ACTIVE = 1;
/** Active, and in the middle of a batch. */
const READING = 2;

/** With the padding in front of it, no record takes more than half of the ring. */
const MAX_RECORD_SHARE = 1 / 4;
export const MIN_RING_BYTES = 64 * UNIT_BYTES;

const UNIT_SHIFT = Math.log2(UNIT_BYTES);
export const unitsOf = (dataBytes: number): number =>
  (RECORD_HEADER_BYTES + dataBytes + UNIT_BYTES - 1) >>> UNIT_SHIFT;
export const recordFlags = (isBinary: boolean, compress: boolean): number =>
  (isBinary ? BINARY : 0) | (compress ? COMPRESS : 0);
export const withThread = (flags: number, thread: number): number => flags | (thread << THREAD_SHIFT);
export const threadIn = (flags: number): number => flags >>> THREAD_SHIFT;

export class Log {
  readonly memory: SharedArrayBuffer;
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly longs: Float64Array<SharedArrayBuffer>;
  readonly bytes: Buffer<SharedArrayBuffer>;
  /** Readers that have lines here: one for each seat, and the bridge. */
  readonly readers: number;
  /** The reader that sends to other nodes, the last one; 0 when there is none. */
  readonly bridge: number;
  /** The engine gives all messages their numbers: they are published by way of the bridge alone. */
  readonly isOrdered: boolean;
  /** Size of the ring. A power of two, so that positions may wrap. */
  readonly units: number;
  /** Most bytes of data in one record. */
  readonly maxDataBytes: number;
  readonly #mask: number;
  readonly #ringWord: number;

  /**
   * Allocates the log. Primary only. `ringBytes` is a power of two, at least `MIN_RING_BYTES`. With a bridge there is one more
   * reader. Positions start at `start`, which matters to tests alone.
   */
  static create(
    seats: number,
    ringBytes: number,
    bridge: BridgeOrder | null = null,
    start = 0,
  ): SharedArrayBuffer {
    if (!Number.isInteger(Math.log2(ringBytes)) || ringBytes < MIN_RING_BYTES) {
      throw new RangeError(
        `the log cannot have ${ringBytes} bytes: not a power of two from ${MIN_RING_BYTES}`,
      );
    }
    const readers = bridge === null ? seats : seats + 1;
    const memory = new SharedArrayBuffer(logMemoryBytes(readers, ringBytes));
    const words = new Int32Array(memory);
    const longs = new Float64Array(memory, 0, LogWriterLong.reserved + 1);
    words[LogHeaderWord.version] = LAYOUT_VERSION;
    words[LogHeaderWord.units] = ringBytes / UNIT_BYTES;
    words[LogHeaderWord.readers] = readers;
    words[LogHeaderWord.bridge] = bridge === null ? 0 : seats;
    words[LogHeaderWord.isOrdered] = bridge === 'channel' ? 1 : 0;
    words[LOG_TAIL_INDEX] = start;
    longs[LogWriterLong.end] = start;
    longs[LogWriterLong.gate] = start;
    longs[LogWriterLong.reserved] = start;
    words[LogHeaderWord.magic] = LOG_MAGIC;
    return memory;
  }

  /** Attaches to memory that `create` made; any thread. Throws when it is something else. */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.words = new Int32Array(memory);
    this.longs = new Float64Array(memory);
    this.bytes = Buffer.from(memory);
    if (
      this.words[LogHeaderWord.magic] !== LOG_MAGIC ||
      this.words[LogHeaderWord.version] !== LAYOUT_VERSION
    ) {
      throw new RangeError('shared memory has another layout than this version of polyloop');
    }
    this.readers = this.words[LogHeaderWord.readers] as number;
    this.bridge = this.words[LogHeaderWord.bridge] as number;
    this.isOrdered = this.words[LogHeaderWord.isOrdered] === 1;
    this.units = this.words[LogHeaderWord.units] as number;
    if (memory.byteLength < logMemoryBytes(this.readers, this.units * UNIT_BYTES)) {
      throw new RangeError('shared memory is shorter than its header says');
    }
    this.maxDataBytes = Math.floor(this.units * MAX_RECORD_SHARE) * UNIT_BYTES - RECORD_HEADER_BYTES;
    this.#mask = this.units - 1;
    this.#ringWord = ringOffset(this.readers) / Uint32Array.BYTES_PER_ELEMENT;
  }

  /** Low 32 bits of the position behind the last record. Acquires: all before it is written. */
  get tail(): number {
    return Atomics.load(this.words, LOG_TAIL_INDEX);
  }

  /** Index of the first word of the record at a position, given in full or as its low 32 bits. */
  wordAt(position: number): number {
    return this.#ringWord + (position & this.#mask) * WORDS_PER_UNIT;
  }

  /** Units from a position to the end of the ring. */
  unitsToEnd(position: number): number {
    return this.units - (position & this.#mask);
  }

  /** Where the data of the record at a position begins, in bytes. */
  dataOffset(position: number): number {
    return this.wordAt(position) * Uint32Array.BYTES_PER_ELEMENT + RECORD_HEADER_BYTES;
  }

  /** The data of the record whose first word that is, in place: a view on the ring. */
  dataAt(word: number): Uint8Array<SharedArrayBuffer> {
    const offset = word * Uint32Array.BYTES_PER_ELEMENT + RECORD_HEADER_BYTES;
    return new Uint8Array(this.memory, offset, this.words[word + RecordWord.dataBytes]);
  }

  sequenceAt(word: number): number {
    const low = (this.words[word + RecordWord.sequenceLow] as number) >>> 0;
    return (this.words[word + RecordWord.sequenceHigh] as number) * TWO_32 + low;
  }

  /** Number of the thread that published the record; 0 when it is delivered to everyone. */
  threadAt(word: number): number {
    return threadIn(this.words[word + RecordWord.flags] as number);
  }

  // ── readers ──

  /** Its cursor is part of the gate. */
  isActive(reader: number): boolean {
    const state = Atomics.load(this.words, readerStateIndex(reader));
    return state === ACTIVE || state === READING;
  }

  /** Units from the reader's cursor to the tail; 0 when nothing waits for it. */
  unread(reader: number): number {
    // The cursor first: the tail is never behind it.
    const cursor = Atomics.load(this.words, cursorIndex(reader));
    return this.isActive(reader) ? (this.tail - cursor) >>> 0 : 0;
  }

  /** A new reader starts at the tail. Under the append lock, so that no writer takes the room for its own meanwhile. */
  attach(reader: number): number {
    const { tail } = this;
    Atomics.store(this.words, cursorIndex(reader), tail);
    Atomics.store(this.words, readerStateIndex(reader), ACTIVE);
    return tail;
  }

  /** From here to `endReading` the reader stays in the gate. False when it was taken out, and must attach anew. The reader. */
  tryBeginReading(reader: number): boolean {
    return Atomics.compareExchange(this.words, readerStateIndex(reader), ACTIVE, READING) === ACTIVE;
  }

  endReading(reader: number): void {
    Atomics.store(this.words, readerStateIndex(reader), ACTIVE);
  }

  /** Takes a reader out of the gate, unless it is reading just now; false then. The primary, under the append lock. */
  tryEject(reader: number): boolean {
    return Atomics.compareExchange(this.words, readerStateIndex(reader), ACTIVE, INACTIVE) === ACTIVE;
  }

  /** The reader's cursor holds nobody up from here on. The primary, when the reader's thread has ended. */
  detach(reader: number): void {
    Atomics.store(this.words, readerStateIndex(reader), INACTIVE);
  }
}
