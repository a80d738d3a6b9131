/** What the bridge writes into the log: messages of other nodes, and what is known of those that did not come. The primary only. */
import type { ChannelLog } from './channel-log.ts';
import { History } from './history.ts';
import { Interested } from './interested.ts';
import { GAP, LOCAL, POSITION, REPLAY, recordFlags, withThread } from './log.ts';
import { NO_POSITION } from './log-writer.ts';

/** A message that has come through the engine. */
export interface Delivery {
  readonly channel: string;
  readonly isBinary: boolean;
  readonly compress: boolean;
  readonly data: Uint8Array;
  /** The connection of this node that does not get it, and the thread of its loop; 0 for none. */
  readonly connection: number;
  readonly thread: number;
}

/** A message with its number in the channel. */
export interface Numbered extends Delivery {
  readonly sequence: number;
}

export class BridgeWriter {
  readonly #shared: ChannelLog;
  readonly #interested: Interested;
  readonly #history: History;
  #isWaking = false;

  constructor(shared: ChannelLog) {
    this.#shared = shared;
    this.#interested = new Interested(shared);
    this.#history = new History(shared);
  }

  /** Publishes a message as the channel's next. False when there is no room for it, or never will be. */
  tryDeliver(delivery: Delivery): boolean {
    const { table, log } = this.#shared;
    if (delivery.data.byteLength > log.maxDataBytes) return false;
    return this.#tryTell(delivery.channel, (entry) => {
      const sequence = table.sequence(entry) + 1;
      const position = this.#tryWrite(entry, sequence, table.last(entry), flagsOf(delivery), delivery);
      if (position === NO_POSITION) return false;
      table.touch(entry);
      table.advance(entry, sequence, position);
      return true;
    });
  }

  /**
   * Says that messages of a channel will not come: they take their numbers, and no history leads across. `count` is null when their
   * number is not known. False when there is no room for that now.
   */
  trySkip(channel: string, count: number | null): boolean {
    const { table } = this.#shared;
    return this.#tryTell(channel, (entry) => {
      const sequence = table.sequence(entry) + (count ?? 1);
      const position = this.#tryWrite(entry, sequence, NO_POSITION, GAP, numbers(count ?? Number.NaN));
      if (position === NO_POSITION) return false;
      table.advance(entry, sequence, position);
      return true;
    });
  }

  /**
   * Says where a channel stands whose numbers the engine gives. `from`: the log holds all that the engine holds from there on; Infinity when
   * nothing was looked for. False when there is no room for that now.
   */
  tryPlace(channel: string, life: number, sequence: number, from: number): boolean {
    const { table } = this.#shared;
    const place = (entry: number): boolean => {
      const data = numbers(life, from);
      if (this.#tryWrite(entry, sequence, NO_POSITION, POSITION, data) === NO_POSITION) return false;
      const isThere = table.life(entry) === life && table.sequence(entry) === sequence;
      if (!isThere) table.place(entry, life, sequence);
      return true;
    };
    return this.#tryTell(channel, place, true);
  }

  /** Nothing is heard of a channel any more: where it stands is not known from here on. False when somebody is subscribed. */
  tryUnplace(channel: string): boolean {
    const { table, log, lock, name } = this.#shared;
    if (!name.trySet(channel)) return true;
    return lock.hold(() => {
      const entry = table.find(name);
      if (entry === 0) return true;
      if (table.subscribers(entry) > 0) return false;
      if (log.isOrdered) table.place(entry, 0, 0);
      return true;
    });
  }

  /**
   * Copies of messages that were there before, without gaps and up to the channel's latest: who looks back finds these from here on. Nothing
   * is copied that the log holds anyway. False when there was no room for all of them; nothing has changed then.
   */
  tryReplay(channel: string, messages: readonly Numbered[]): boolean {
    const { table } = this.#shared;
    const [first] = messages;
    // Copies that begin later must not take the place of others.
    if (first === undefined || this.#isHeld(channel, first.sequence - 1)) return true;
    let previous = NO_POSITION;
    for (const message of messages) {
      const isWritten = this.#tryTell(channel, (entry) => {
        const flags = flagsOf(message) | REPLAY;
        previous = this.#tryWrite(entry, message.sequence, previous, flags, message);
        if (previous === NO_POSITION) return false;
        if (message.sequence === table.sequence(entry)) table.advance(entry, message.sequence, previous);
        return true;
      });
      if (!isWritten) return false;
    }
    return true;
  }

  /** Whether who looks back finds all that comes behind a sequence. */
  #isHeld(channel: string, sequence: number): boolean {
    const { epoch } = this.#history.find(channel, undefined, 0);
    return this.#history.find(channel, { epoch, sequence }, Number.POSITIVE_INFINITY).isHeld;
  }

  /**
   * Calls `write` with the channel's entry, under the lock. True when there is none: nobody is here to be told. Nor is there somebody whom
   * anything but its place can be told of a channel that has none.
   */
  #tryTell(channel: string, write: (entry: number) => boolean, isPlace = false): boolean {
    const { table, lock, name } = this.#shared;
    if (!name.trySet(channel)) return true;
    lock.lock();
    try {
      const entry = table.find(name);
      if (entry === 0 || (!isPlace && table.life(entry) === 0)) return true;
      if (!write(entry)) return false;
      this.#interested.note(entry);
    } finally {
      lock.unlock();
    }
    this.#wakeSoon();
    return true;
  }

  /** What comes from the engine at once wakes each loop once. */
  #wakeSoon(): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    queueMicrotask(() => {
      this.#isWaking = false;
      this.#interested.wake();
    });
  }

  /** Gives the record's position; `NO_POSITION` when there is no room. */
  #tryWrite(
    entry: number,
    sequence: number,
    previous: number,
    flags: number,
    { data, connection }: Written,
  ): number {
    const { writer } = this.#shared;
    const position = writer.tryReserve(data.byteLength);
    if (position === NO_POSITION) return NO_POSITION;
    const head = { channel: entry, sequence, previous, flags: flags | LOCAL, connection };
    writer.write(position, head, data, data.byteLength);
    writer.commit(position, data.byteLength);
    return position;
  }
}

interface Written {
  readonly data: Uint8Array;
  readonly connection: number;
}

const flagsOf = ({ isBinary, compress, connection, thread }: Delivery): number => {
  const flags = recordFlags(isBinary, compress);
  return connection === 0 ? flags : withThread(flags, thread);
};

const numbers = (...values: readonly number[]): Written => ({
  data: new Uint8Array(new Float64Array(values).buffer),
  connection: 0,
});
