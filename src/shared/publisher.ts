/** Puts messages into the log, from any thread. */
import { type ChannelLog, threadOf } from './channel-log.ts';
import { EntryLong } from './channel-table.ts';
import { ring } from './doorbell.ts';
import { bellIndex } from './layout.ts';
import { withThread } from './log.ts';
import { NO_POSITION } from './log-writer.ts';

/** Whether a message was published. */
export type PublishResult =
  | {
      /** It is in the log, from where it is delivered. */
      readonly ok: true;
      /** The message's number in its channel: 1, 2, 3 … */
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

const LOOPS_PER_WORD = 32;

/** The true length: a subclass may say something else. */
const lengthOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'byteLength')
  ?.get as () => number;

export class Publisher {
  readonly #shared: ChannelLog;
  readonly #onOwn: () => void;
  /** Loops to wake, as bits. */
  readonly #interest: Uint32Array;

  /** `onOwn` is called when this thread's own loop is about to have something to read. */
  constructor(shared: ChannelLog, onOwn: () => void = () => {}) {
    this.#shared = shared;
    this.#onOwn = onOwn;
    this.#interest = new Uint32Array(Math.ceil(shared.table.loops / LOOPS_PER_WORD));
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
      for (let i = 0; i < this.#interest.length; i++) this.#interest[i] = table.interest(entry, i);
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
    this.#wake();
    return { ok: true, sequence };
  }

  /** Only loops with subscribers are woken; others catch up when they wake for another reason, or fall behind. */
  #wake(): void {
    const { log, thread } = this.#shared;
    for (let i = 0; i < this.#interest.length; i++) {
      for (let bits = this.#interest[i] as number; bits !== 0; bits &= bits - 1) {
        const loop = i * LOOPS_PER_WORD + 31 - Math.clz32(bits & -bits);
        if (threadOf(loop) !== thread) ring(log.words, bellIndex(loop));
      }
    }
  }
}
