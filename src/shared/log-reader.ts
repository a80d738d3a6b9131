/**
 * Reads the log from one loop's cursor. Belongs to that loop's thread; takes no lock, except to attach.
 *
 * What lies from the cursor to the tail is written, and no writer touches it before the cursor has moved on or the primary has taken
 * the reader out of the gate, which it does not between `tryBeginReading` and `endReading`: so there it is read plainly, and may be
 * handed out as views, during `visit`.
 */
import { cursorIndex } from './layout.ts';
import { type Log, PADDING, RecordWord, unitsOf } from './log.ts';

export class LogReader {
  readonly #log: Log;
  readonly #index: number;
  readonly #reader: number;
  #cursor = 0;

  constructor(log: Log, reader: number) {
    this.#log = log;
    this.#index = cursorIndex(reader);
    this.#reader = reader;
  }

  /** Begins at the tail; from here on nothing is overwritten that was not read. Under the append lock. */
  attach(): void {
    this.#cursor = this.#log.attach(this.#reader);
  }

  /** From here to `endReading` nothing is overwritten that was not read. False when that was so already: then attach anew. */
  tryBeginReading(): boolean {
    return this.#log.tryBeginReading(this.#reader);
  }

  endReading(): void {
    this.#log.endReading(this.#reader);
  }

  /** Holds nothing back any more. */
  detach(): void {
    this.#log.detach(this.#reader);
  }

  /** Low 32 bits of the position of the next record to read. */
  get cursor(): number {
    return this.#cursor;
  }

  get isAtTail(): boolean {
    return this.#cursor === this.#log.tail;
  }

  /** Skips what is there. */
  skipToTail(): void {
    this.#moveTo(this.#log.tail);
  }

  /**
   * Calls `visit` with the index of each record's first word, in order, until the tail as it is now, or until the costs that
   * `visit` returns come up to `budget`. A view of a record is valid during its visit only.
   */
  read(budget: number, visit: (word: number, position: number) => number): void {
    const log = this.#log;
    const { tail } = log;
    let cursor = this.#cursor;
    let spent = 0;
    while (cursor !== tail && spent < budget) {
      const word = log.wordAt(cursor);
      let units: number;
      if ((log.words[word + RecordWord.flags] as number) & PADDING) {
        units = log.unitsToEnd(cursor);
      } else {
        const dataBytes = log.words[word + RecordWord.dataBytes] as number;
        // A length that cannot be: reading on would read nonsense.
        if (dataBytes < 0 || dataBytes > log.maxDataBytes)
          throw new RangeError('the log holds a torn record');
        units = unitsOf(dataBytes);
        spent += visit(word, cursor);
      }
      cursor = (cursor + units) | 0;
    }
    this.#moveTo(cursor);
  }

  #moveTo(cursor: number): void {
    this.#cursor = cursor;
    // Releases: the reads above are over when a writer sees this cursor.
    Atomics.store(this.#log.words, this.#index, cursor);
  }
}
