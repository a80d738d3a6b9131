/**
 * Reads messages that the log still holds, back along the links of their channel. Any thread.
 *
 * Behind the cursors a writer may take any room, so nothing is read there without the append lock: whoever only checked
 * afterwards could not know, on arm64, whether what was read was still the record. The lock is held for a bounded number of
 * steps at a time, and publishers wait for no longer than that.
 */
import type { ChannelLog, ChannelPosition } from './channel-log.ts';
import { UNIT_BYTES } from './layout.ts';
import { BINARY, COMPRESS, RecordWord } from './log.ts';
import { NO_POSITION } from './log-writer.ts';

/** Links that are followed in one hold of the lock. */
const STEPS = 512;
/** Bytes that are copied in one hold of the lock; at least one message is. */
const COPY_BYTES = 64 * 1024;

/** What was found: positions of records, oldest first, not yet copied. */
export interface Found extends ChannelPosition {
  /** Low 32 bits of the log's tail when the channel stood at `sequence`. */
  readonly tail: number;
  readonly positions: number[];
  /** False when messages that were asked for are no longer held. */
  readonly complete: boolean;
}

/** What was copied, and how many messages before it were overwritten since they were found. */
export interface Taken {
  readonly messages: StoredMessage[];
  readonly lost: number;
}

/** A copy of a record. */
export interface StoredMessage {
  readonly sequence: number;
  readonly isBinary: boolean;
  readonly compress: boolean;
  /** Who published it: thread and connection, both 0 when it goes to everyone. */
  readonly thread: number;
  readonly connection: number;
  readonly data: Buffer<ArrayBuffer>;
}

/** A message as user code gets it. */
export interface HistoryMessage {
  readonly sequence: number;
  /** Text as a string, binary as bytes. */
  readonly data: string | Uint8Array<ArrayBuffer>;
  readonly isBinary: boolean;
}

/** What a channel's history holds. */
export interface HistoryResult extends ChannelPosition {
  /** In order, oldest first. `sequence` of the result is the channel's: larger than the last one's when there are more. */
  readonly messages: HistoryMessage[];
  /** False when a message that was asked for is no longer held, or when `after` is of another epoch. */
  readonly complete: boolean;
}

function shown({ sequence, isBinary, data }: StoredMessage): HistoryMessage {
  return { sequence, isBinary, data: isBinary ? new Uint8Array(data) : data.toString() };
}

export class History {
  readonly #shared: ChannelLog;

  constructor(shared: ChannelLog) {
    this.#shared = shared;
  }

  /**
   * The newest messages of a channel, at most `limit`; with `after`, those behind it. The lock is taken and given back several
   * times; what is published meanwhile is not part of the answer.
   */
  find(channel: string, after: ChannelPosition | undefined, limit: number): Found {
    const { table, writer, lock, name } = this.#shared;
    const parsed = after === undefined ? undefined : this.#shared.parse(after);
    if (!name.trySet(channel)) return { epoch: '', sequence: 0, tail: 0, positions: [], complete: !after };
    let entry: number;
    let position: ChannelPosition;
    let tail: number;
    let known: number | undefined;
    let last: number;
    lock.lock();
    try {
      entry = table.find(name);
      position = this.#shared.positionOf(entry);
      tail = this.#shared.log.tail;
      if (after === undefined) known = 0;
      else if (parsed !== undefined) known = this.#shared.knownUpTo(entry, parsed);
      last = entry === 0 || !writer.isHeld(table.last(entry)) ? NO_POSITION : table.last(entry);
    } finally {
      lock.unlock();
    }
    const wanted = position.sequence - (known ?? 0);
    const positions = this.#follow(entry, last, position.sequence, Math.min(wanted, limit));
    const isWhole = positions.length === (after === undefined ? Math.min(wanted, limit) : wanted);
    return { ...position, tail, positions: positions.reverse(), complete: known !== undefined && isWhole };
  }

  /** The newest messages, at most `limit`; with `after`, the oldest of those behind it, so that one can read on from there. */
  read(channel: string, after: ChannelPosition | undefined, limit: number): HistoryResult {
    const found = this.find(channel, after, after === undefined ? limit : Number.POSITIVE_INFINITY);
    const { epoch, sequence, positions } = found;
    positions.length = Math.min(positions.length, limit);
    let { complete } = found;
    const messages: HistoryMessage[] = [];
    while (positions.length > 0) {
      const taken = this.take(positions);
      if (taken.lost > 0) {
        // What comes before a gap is dropped, so that what is given has none.
        complete = false;
        messages.length = 0;
      }
      messages.push(...taken.messages.map(shown));
    }
    return { epoch, sequence, messages, complete };
  }

  /** Copies messages from the front of `positions`, oldest first, and takes out the positions of what it copied or lost. */
  take(positions: number[]): Taken {
    const { lock, writer } = this.#shared;
    const messages: StoredMessage[] = [];
    let lost = 0;
    let bytes = 0;
    lock.lock();
    try {
      for (const position of positions) {
        if (!writer.isHeld(position)) {
          lost++;
          continue;
        }
        const message = this.#copy(position);
        bytes += message.data.length;
        messages.push(message);
        if (bytes >= COPY_BYTES || messages.length === STEPS) break;
      }
    } finally {
      lock.unlock();
    }
    positions.splice(0, lost + messages.length);
    return { messages, lost };
  }

  /**
   * Copies messages like `take`, as many as come up to `maxBytes`. The oldest are the next to be overwritten, and copying is quicker
   * than publishing, so this gets ahead of publishers. What comes behind a gap is kept, what comes before it is dropped.
   */
  takeAhead(positions: number[], maxBytes: number): Taken {
    let messages: StoredMessage[] = [];
    let lost = 0;
    for (let bytes = 0; positions.length > 0 && bytes < maxBytes; ) {
      const taken = this.take(positions);
      if (taken.lost > 0) {
        lost += messages.length + taken.lost;
        messages = [];
        bytes = 0;
      }
      messages.push(...taken.messages);
      for (const { data } of taken.messages) bytes += UNIT_BYTES + data.length;
    }
    return { messages, lost };
  }

  /** How many of a channel's messages lie behind a position, given as its low 32 bits, and where the channel stands. */
  countFrom(channel: string, from: number): ChannelPosition & { readonly count: number } {
    const { table, lock, name } = this.#shared;
    name.trySet(channel);
    lock.lock();
    let entry: number;
    let position: ChannelPosition;
    let last: number;
    try {
      entry = table.find(name);
      position = this.#shared.positionOf(entry);
      last = entry === 0 ? NO_POSITION : table.last(entry);
    } finally {
      lock.unlock();
    }
    const { epoch, sequence } = position;
    return { epoch, sequence, count: this.#follow(entry, last, sequence, sequence, from).length };
  }

  /** Positions from `last` back to `from`, newest first, at most `count`: fewer when the log no longer holds them. */
  #follow(entry: number, last: number, lastSequence: number, count: number, from?: number): number[] {
    const { log, lock, writer } = this.#shared;
    const positions: number[] = [];
    let position = last;
    while (positions.length < count && position !== NO_POSITION) {
      lock.lock();
      try {
        for (let step = 0; step < STEPS && positions.length < count; step++) {
          const isBefore = from !== undefined && (((position | 0) - from) | 0) < 0;
          if (isBefore || !writer.isHeld(position)) return positions;
          const word = log.wordAt(position);
          const isOurs =
            log.words[word + RecordWord.channel] === entry &&
            log.sequenceAt(word) === lastSequence - positions.length;
          if (!isOurs) return positions;
          positions.push(position);
          const backLink = (log.words[word + RecordWord.backLink] as number) >>> 0;
          if (backLink === 0) return positions;
          position -= backLink;
        }
      } finally {
        lock.unlock();
      }
    }
    return positions;
  }

  #copy(position: number): StoredMessage {
    const { log } = this.#shared;
    const word = log.wordAt(position);
    const flags = log.words[word + RecordWord.flags] as number;
    return {
      sequence: log.sequenceAt(word),
      isBinary: (flags & BINARY) !== 0,
      compress: (flags & COMPRESS) !== 0,
      thread: log.threadAt(word),
      connection: (log.words[word + RecordWord.connection] as number) >>> 0,
      data: Buffer.from(log.dataAt(word)),
    };
  }
}
