/**
 * Reads messages that the log still holds, back along the links of their channel. Any thread.
 *
 * Behind the cursors a writer may take any room, so nothing is read there without the append lock: whoever only checked
 * afterwards could not know, on arm64, whether what was read was still the record. The lock is held for a bounded number of
 * steps at a time, and publishers wait for no longer than that.
 */
import type { ChannelLog, ChannelPosition } from './channel-log.ts';
import { BINARY, COMPRESS, GAP, RecordWord } from './log.ts';
import { NO_POSITION } from './log-writer.ts';
import { HEAD_BYTES, type MessagePack } from './message-pack.ts';

/** Links that are followed in one hold of the lock, and messages of a trail from one mark to the next. */
const STEPS = 512;
/** Bytes that are copied in one hold of the lock; at least one message is. */
const COPY_BYTES = 64 * 1024;

/** What was found, not yet copied. */
export interface Found extends ChannelPosition {
  /** Low 32 bits of the log's tail when the channel stood at `sequence`. */
  readonly tail: number;
  readonly trail: Trail;
  /** False when messages that were asked for are no longer held. */
  readonly complete: boolean;
  /** Whether that is so with the limit left out of account. */
  readonly isHeld: boolean;
}

/**
 * The way through the log along messages of one channel that were not copied yet. Kept are the positions of some only: of the
 * newest, and of every 512th before it. Back links lead from one of these to the rest.
 */
export class Trail {
  /** Sequences of the next message to take and of the last. */
  next = 1;
  last = 0;
  /** Sequence of the first mark's message. */
  newest = 0;
  /** Newest first. */
  readonly marks: number[] = [];

  /** Messages left to take. */
  get length(): number {
    return this.last - this.next + 1;
  }

  /** Leaves out the newest, so that at most `limit` remain. */
  limit(limit: number): void {
    this.last = Math.min(this.last, this.next + limit - 1);
  }

  /** Sequence of the oldest mark's message. */
  get oldestMark(): number {
    return this.newest - (this.marks.length - 1) * STEPS;
  }

  /** Everything before `next` is taken or lost. */
  advance(next: number): void {
    this.next = next;
    while (this.marks.length > 0 && this.oldestMark < next) this.marks.pop();
  }
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
  /** Its number in its channel. */
  readonly sequence: number;
  /** Text as a string, binary as bytes. */
  readonly data: string | Uint8Array<ArrayBuffer>;
  /** Whether it was published as binary. */
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
  /** Positions between two marks. */
  readonly #piece = new Float64Array(STEPS);

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
    if (!name.trySet(channel)) {
      return { epoch: '', sequence: 0, tail: 0, trail: new Trail(), complete: !after, isHeld: true };
    }
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
    const trail = this.#follow(entry, last, position.sequence, Math.min(wanted, limit));
    const isHeld = known !== undefined && trail.length === Math.min(wanted, limit);
    return { ...position, tail, trail, isHeld, complete: isHeld && (after === undefined || wanted <= limit) };
  }

  /** The newest messages, at most `limit`; with `after`, the oldest of those behind it, so that one can read on from there. */
  read(channel: string, after: ChannelPosition | undefined, limit: number): HistoryResult {
    const found = this.find(channel, after, after === undefined ? limit : Number.POSITIVE_INFINITY);
    const { epoch, sequence, trail } = found;
    trail.limit(limit);
    let { complete } = found;
    const messages: HistoryMessage[] = [];
    while (trail.length > 0) {
      const taken = this.take(trail);
      if (taken.lost > 0) {
        // What comes before a gap is dropped, so that what is given has none.
        complete = false;
        messages.length = 0;
      }
      messages.push(...taken.messages.map(shown));
    }
    return { epoch, sequence, messages, complete };
  }

  /** Copies the oldest messages of a trail, and leaves in it what comes behind those that were copied or lost. */
  take(trail: Trail): Taken {
    const messages: StoredMessage[] = [];
    const lost = this.#take(trail, COPY_BYTES, (position) => messages.push(this.#copy(position)));
    return { messages, lost };
  }

  /**
   * Copies messages like `take`, until the pack has `maxBytes`. The oldest are the next to be overwritten, and copying is quicker than
   * publishing, so this gets ahead of publishers. What comes behind a gap is kept, what comes before it is dropped. Returns how many
   * messages were dropped or lost.
   */
  pack(trail: Trail, pack: MessagePack, maxBytes: number): number {
    const { log } = this.#shared;
    let lost = 0;
    while (trail.length > 0 && pack.byteLength < maxBytes) {
      const held = pack.length;
      const gap = this.#take(
        trail,
        Math.min(COPY_BYTES, maxBytes - pack.byteLength),
        (position) => {
          const word = log.wordAt(position);
          const connection = log.words[word + RecordWord.connection] as number;
          pack.add(log.dataAt(word), log.words[word + RecordWord.flags] as number, connection);
        },
        () => pack.clear(),
      );
      if (gap > 0) lost += held + gap;
    }
    return lost;
  }

  /**
   * Has `copy` called under the lock with positions from the trail's start on, in order, until there are `maxBytes`; behind `onGap`
   * when some were lost.
   */
  #take(trail: Trail, maxBytes: number, copy: (position: number) => void, onGap?: () => void): number {
    const { log, lock } = this.#shared;
    const last = Math.min(trail.oldestMark, trail.last);
    let lost = 0;
    lock.lock();
    try {
      let left = this.#goBack(trail, last);
      lost = last - trail.next + 1 - left;
      if (lost > 0) onGap?.();
      for (let bytes = 0; left > 0 && bytes < maxBytes; left--) {
        const position = this.#piece[left - 1] as number;
        copy(position);
        bytes += HEAD_BYTES + (log.words[log.wordAt(position) + RecordWord.dataBytes] as number);
      }
      trail.advance(last + 1 - left);
    } finally {
      lock.unlock();
    }
    return lost;
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

  /** The trail from `last` back to `from`, of at most `count` messages: fewer when the log no longer holds them. */
  #follow(entry: number, last: number, newest: number, count: number, from?: number): Trail {
    const { log, lock, writer } = this.#shared;
    const trail = new Trail();
    trail.newest = trail.last = newest;
    trail.next = newest + 1;
    let position = last;
    while (trail.length < count && position !== NO_POSITION) {
      const mark = position;
      lock.lock();
      try {
        for (let step = 0; step < STEPS && trail.length < count; step++) {
          const isBefore = from !== undefined && (((position | 0) - from) | 0) < 0;
          if (isBefore || !writer.isHeld(position)) return trail;
          const word = log.wordAt(position);
          const isOurs =
            log.words[word + RecordWord.channel] === entry && log.sequenceAt(word) === trail.next - 1;
          if (!isOurs || ((log.words[word + RecordWord.flags] as number) & GAP) !== 0) return trail;
          if (step === 0) trail.marks.push(mark);
          trail.next--;
          const backLink = this.#backLink(position);
          if (backLink === 0) return trail;
          position -= backLink;
        }
      } finally {
        lock.unlock();
      }
    }
    return trail;
  }

  /** Under the lock: notes where the trail's messages up to `last` lie, newest first, from its oldest mark; gives their number. */
  #goBack(trail: Trail, last: number): number {
    const { writer } = this.#shared;
    let count = 0;
    let position = trail.marks.at(-1) as number;
    for (let sequence = trail.oldestMark; sequence >= trail.next && writer.isHeld(position); sequence--) {
      if (sequence <= last) this.#piece[count++] = position;
      position -= this.#backLink(position);
    }
    return count;
  }

  #backLink(position: number): number {
    const { log } = this.#shared;
    return (log.words[log.wordAt(position) + RecordWord.backLink] as number) >>> 0;
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
