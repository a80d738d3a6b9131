/** Puts messages into the log, from any thread. */
import { type ChannelLog, threadOf } from './channel-log.ts';
import { ring } from './doorbell.ts';
import { bellIndex } from './layout.ts';
import { withThread } from './log.ts';
import { NO_POSITION } from './log-writer.ts';

/**
 * `sequence` is the message's number in its channel. Refused, and published to nobody: `log-full` when a loop has not read
 * what would have to be overwritten; `too-large` when the data does not fit in a record; `invalid-channel` when the name is empty
 * or longer than 255 bytes; `too-many-channels` when it would be a new channel and there is no place for one.
 */
export type PublishResult =
  | { readonly ok: true; readonly sequence: number }
  | { readonly ok: false; readonly reason: PublishRefusal };
export type PublishRefusal = 'log-full' | 'too-large' | 'invalid-channel' | 'too-many-channels';

const refused = (reason: PublishRefusal): PublishResult => ({ ok: false, reason });
const INVALID_CHANNEL = refused('invalid-channel');
const TOO_LARGE = refused('too-large');
const LOG_FULL = refused('log-full');
const TOO_MANY_CHANNELS = refused('too-many-channels');

const LOOPS_PER_WORD = 32;

export class Publisher {
  readonly #shared: ChannelLog;
  readonly #onOwn: () => void;
  /** Loops to wake, as bits. */
  readonly #interest: Uint32Array;

  /** `onOwn` is called when this thread's own loop has something to read. */
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
    const dataBytes = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
    if (dataBytes > log.maxDataBytes) return TOO_LARGE;
    if (known === 0 && !name.trySet(channel)) return INVALID_CHANNEL;
    let sequence: number;
    lock.lock();
    try {
      const position = writer.tryReserve(dataBytes);
      if (position === NO_POSITION) return LOG_FULL;
      const entry = known || table.findOrCreate(name, writer.gate);
      if (entry === 0) return TOO_MANY_CHANNELS;
      sequence = table.sequence(entry) + 1;
      const previous = table.last(entry);
      const allFlags = connection === 0 ? flags : withThread(flags, thread);
      writer.write(
        position,
        { channel: entry, sequence, previous, flags: allFlags, connection },
        data,
        dataBytes,
      );
      for (let i = 0; i < this.#interest.length; i++) this.#interest[i] = table.interest(entry, i);
      table.published(entry, sequence, position);
      writer.commit(position, dataBytes);
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
        if (threadOf(loop) === thread) this.#onOwn();
        else ring(log.words, bellIndex(loop));
      }
    }
  }
}
