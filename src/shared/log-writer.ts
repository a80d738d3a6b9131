/**
 * Appends records. Any thread has one; every call is made under the append lock.
 *
 * A writer never overtakes the slowest active cursor. Invariant: what lies before `gate` is read by every active reader. Cursors
 * only move on, so a gate that was computed a while ago is still safe; it is computed anew only when it leaves no room, or when
 * `end` has passed `next check`. So most appends touch no other thread's line.
 *
 * Appending is `tryReserve`, `write`, `commit`, in this order and under one hold of the lock. Nothing is published before
 * `commit`, so a throw before it leaves the log as it was.
 */
import { ring } from './doorbell.ts';
import { bellIndex, cursorIndex, LOG_TAIL_INDEX, LogWriterLong } from './layout.ts';
import { type Log, PADDING, RECORD_HEADER_BYTES, RecordWord, TWO_32, unitsOf } from './log.ts';

/** A reader this far behind is woken, even when nothing that it has not read concerns it. */
const LAGGING_SHARE = 1 / 2;
const CHECK_SHARE = 1 / 16;
/** A reader this far behind, and standing still, is in the way. */
const HELD_UP_SHARE = 3 / 4;

/** Stands for a position where there is none. */
export const NO_POSITION = -1;

/** What a record says beside its data. */
export interface RecordHead {
  /** The channel's entry in the channel table. */
  readonly channel: number;
  readonly sequence: number;
  /** Position of the channel's previous record, or `NO_POSITION`. */
  readonly previous: number;
  /** `BINARY`, `COMPRESS`, and the publisher's thread. */
  readonly flags: number;
  /** The publisher's connection on its loop; 0 when it is delivered to everyone. */
  readonly connection: number;
}

export class LogWriter {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Position behind the last record, in full. */
  get end(): number {
    return this.#log.longs[LogWriterLong.end] as number;
  }

  /** Everything before this position has been read by every active reader. Errs low. */
  get gate(): number {
    return this.#log.longs[LogWriterLong.gate] as number;
  }

  /** Whether the record at a position is still whole; it stays so until the lock is given back. */
  isHeld(position: number): boolean {
    const reserved = this.#log.longs[LogWriterLong.reserved] as number;
    return position !== NO_POSITION && reserved - position <= this.#log.units;
  }

  /**
   * Where a record with so much data may be written, behind padding where it would wrap; `NO_POSITION` when the log is full. The
   * data fits in a record. Nothing is written yet.
   */
  tryReserve(dataBytes: number): number {
    const { end } = this;
    const units = unitsOf(dataBytes);
    const toEnd = this.#log.unitsToEnd(end);
    const padding = units > toEnd ? toEnd : 0;
    if (!this.#hasRoom(end, padding + units)) return NO_POSITION;
    return end + padding;
  }

  /**
   * Writes a record at a reserved position. Plain stores: no reader looks behind the tail. `dataBytes` may be more than `data` has: the caller
   * writes the rest.
   */
  write(position: number, head: RecordHead, data: string | Uint8Array, dataBytes: number): void {
    const { words, bytes, longs } = this.#log;
    // What was in this room is no longer held, even if the record is not committed in the end.
    const reserved = longs[LogWriterLong.reserved] as number;
    longs[LogWriterLong.reserved] = Math.max(reserved, position + unitsOf(dataBytes));
    if (position !== this.end) words[this.#log.wordAt(this.end) + RecordWord.flags] = PADDING;
    const word = this.#log.wordAt(position);
    const offset = word * Uint32Array.BYTES_PER_ELEMENT + RECORD_HEADER_BYTES;
    if (typeof data === 'string') bytes.write(data, offset, dataBytes);
    else bytes.set(data, offset);
    const distance = head.previous === NO_POSITION ? 0 : position - head.previous;
    words[word + RecordWord.dataBytes] = dataBytes;
    words[word + RecordWord.flags] = head.flags;
    words[word + RecordWord.channel] = head.channel;
    words[word + RecordWord.backLink] = distance > this.#log.units ? 0 : distance;
    words[word + RecordWord.sequenceLow] = head.sequence;
    words[word + RecordWord.sequenceHigh] = head.sequence / TWO_32;
    words[word + RecordWord.connection] = head.connection;
  }

  /** Publishes the record that was written at that position. Throws, for want of stack, at its very beginning or not at all. */
  commit(position: number, dataBytes: number): void {
    const end = position + unitsOf(dataBytes);
    this.#log.longs[LogWriterLong.end] = end;
    // Releases: a reader that loads this tail sees the record, and the padding before it, whole.
    Atomics.store(this.#log.words, LOG_TAIL_INDEX, end | 0);
  }

  /** Whether a reader that does not move would soon leave no room. */
  isHeldUpBy(reader: number): boolean {
    if (!this.#log.isActive(reader)) return false;
    const lag = ((this.end | 0) - Atomics.load(this.#log.words, cursorIndex(reader))) >>> 0;
    return lag > this.#log.units * HELD_UP_SHARE;
  }

  #hasRoom(end: number, units: number): boolean {
    const { longs } = this.#log;
    const needed = end + units - this.#log.units;
    if (needed <= this.gate && end < (longs[LogWriterLong.nextCheck] as number)) return true;
    const gate = this.#slowestCursor(end);
    longs[LogWriterLong.gate] = gate;
    longs[LogWriterLong.nextCheck] = end + this.#log.units * CHECK_SHARE;
    return needed <= gate;
  }

  /** Looks at every cursor, and wakes who lags: a loop may sleep for lack of interest, and must catch up all the same. */
  #slowestCursor(end: number): number {
    const { words, readers, units } = this.#log;
    let slowest = end;
    for (let reader = 0; reader < readers; reader++) {
      if (!this.#log.isActive(reader)) continue;
      // Acquires: what the reader did before it stored its cursor, reading, is over before the room is written anew.
      const lag = ((end | 0) - Atomics.load(words, cursorIndex(reader))) >>> 0;
      slowest = Math.min(slowest, end - lag);
      if (lag > units * LAGGING_SHARE) ring(words, bellIndex(reader));
    }
    return slowest;
  }
}
