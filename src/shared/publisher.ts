/** Puts messages into the log, from any thread. */
import type { ChannelLog } from './channel-log.ts';
import { EntryLong } from './channel-table.ts';
import { ring } from './doorbell.ts';
import { Interested } from './interested.ts';
import { bellIndex } from './layout.ts';
import { OUTBOUND, withThread } from './log.ts';
import { NO_POSITION } from './log-writer.ts';

/** Whether a message was published. */
export type PublishResult =
  | {
      /** It is in the log, from where it is delivered. */
      readonly ok: true;
      /**
       * The message's number in its channel: 1, 2, 3 … 0 with a backplane that orders channels over all nodes, because the number is given
       * later.
       */
      readonly sequence: number;
    }
  | {
      /** It was refused; nobody is sent it. */
      readonly ok: false;
      /** Why it was. */
      readonly reason: PublishRefusal;
    };

/**
 * Why a message was published to nobody. `log-full`: a loop has not read what would have to be overwritten. `too-large`: the data
 * does not fit in a record. `invalid-channel`: the name is empty or longer than 255 bytes. `too-many-channels`: it would be a new
 * channel, and as many as there may be have subscribers.
 */
export type PublishRefusal = 'log-full' | 'too-large' | 'invalid-channel' | 'too-many-channels';

const refused = (reason: PublishRefusal): PublishResult => ({ ok: false, reason });
const INVALID_CHANNEL = refused('invalid-channel');
const TOO_LARGE = refused('too-large');
const LOG_FULL = refused('log-full');
const TOO_MANY_CHANNELS = refused('too-many-channels');

const SENT: PublishResult = { ok: true, sequence: 0 };

/** The true length: a subclass may say something else. */
const lengthOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'byteLength')
  ?.get as () => number;

export class Publisher {
  readonly #shared: ChannelLog;
  readonly #onOwn: () => void;
  readonly #interested: Interested;

  /** `onOwn` is called when this thread's own loop is about to have something to read. */
  constructor(shared: ChannelLog, onOwn: () => void = () => {}) {
    this.#shared = shared;
    this.#onOwn = onOwn;
    this.#interested = new Interested(shared);
  }

  /**
   * Publishes one message. `known` is the channel's entry where the caller holds it, by having subscribers there, else 0.
   * `connection` is a connection of this loop that does not get the message, or 0.
   */
  publish(
    channel: string,
    known: number,
    data: string | Uint8Array,
    flags: number,
    connection: number,
  ): PublishResult {
    const { log, table, writer, lock, name, thread } = this.#shared;
    const dataBytes = typeof data === 'string' ? Buffer.byteLength(data) : lengthOf.call(data);
    if (dataBytes > log.maxDataBytes) return TOO_LARGE;
    if (known === 0 && !name.trySet(channel)) return INVALID_CHANNEL;
    if (log.isOrdered) return this.#send(channel, data, dataBytes, flags, connection);
    // Before anything is published: a call that fails for want of stack must not leave a message that this loop never reads.
    if (known !== 0) this.#onOwn();
    let sequence: number;
    lock.lock();
    try {
      const position = writer.tryReserve(dataBytes);
      if (position === NO_POSITION) return LOG_FULL;
      const entry = known || table.findOrCreate(name);
      if (entry === 0) return TOO_MANY_CHANNELS;
      sequence = table.sequence(entry) + 1;
      const head = {
        channel: entry,
        sequence,
        previous: table.last(entry),
        flags: connection === 0 ? flags : withThread(flags, thread),
        connection,
      };
      writer.write(position, head, data, dataBytes);
      this.#interested.note(entry);
      table.touch(entry);
      const { longs } = table;
      const at = table.longsAt(entry);
      writer.commit(position, dataBytes);
      // Nothing is called from here to the end of the lock, so that nothing can fail half way for want of stack.
      longs[at + EntryLong.sequence] = sequence;
      longs[at + EntryLong.last] = position;
    } finally {
      lock.unlock();
    }
    this.#interested.wake();
    if (log.bridge !== 0) ring(log.words, bellIndex(log.bridge));
    return { ok: true, sequence };
  }

  /** Hands a message to the bridge. It is published here, as on the other nodes, when the engine has given it its number. */
  #send(
    channel: string,
    data: string | Uint8Array,
    dataBytes: number,
    flags: number,
    connection: number,
  ): PublishResult {
    const { log, writer, lock, thread } = this.#shared;
    const nameBytes = Buffer.byteLength(channel);
    const allBytes = dataBytes + nameBytes;
    if (allBytes > log.maxDataBytes) return TOO_LARGE;
    lock.lock();
    try {
      const position = writer.tryReserve(allBytes);
      if (position === NO_POSITION) return LOG_FULL;
      const head = {
        channel: 0,
        sequence: dataBytes,
        previous: NO_POSITION,
        flags: connection === 0 ? flags | OUTBOUND : withThread(flags | OUTBOUND, thread),
        connection,
      };
      writer.write(position, head, data, allBytes);
      log.bytes.write(channel, log.dataOffset(position) + dataBytes, nameBytes);
      writer.commit(position, allBytes);
    } finally {
      lock.unlock();
    }
    ring(log.words, bellIndex(log.bridge));
    return SENT;
  }
}
