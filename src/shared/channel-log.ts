/** The log and the channel table as one thread sees them, with the one lock that guards both. */
import { ChannelTable } from './channel-table.ts';
import { ring } from './doorbell.ts';
import { EncodedName } from './encoded-name.ts';
import {
  bellIndex,
  cursorIndex,
  LOG_INTEREST_LOST_INDEX,
  LOG_LOCK_INDEX,
  LogWriterLong,
  UNIT_BYTES,
} from './layout.ts';
import { INTEREST, LOCAL, Log, Tell } from './log.ts';
import { LogWriter, NO_POSITION } from './log-writer.ts';
import { Mutex } from './mutex.ts';

/** Where a channel's numbers stand. Sequences of different epochs cannot be compared. */
export interface ChannelPosition {
  /** Opaque. One life of one channel in one life of the shared memory. */
  readonly epoch: string;
  /** Number of a message, 1, 2, 3 … without gaps; 0 before the first. */
  readonly sequence: number;
}

/** A position of this life of the shared memory. */
interface ParsedPosition {
  readonly life: number;
  readonly sequence: number;
}

const RADIX = 36;
/** Of a channel that the engine has not yet been asked for. */
export const UNKNOWN_EPOCH = '';
/** Two numbers of 64 bits and a point are shorter. */
const MAX_EPOCH_LENGTH = 32;

/** The number by which a loop's thread is known in locks and records. The primary takes the one behind the last loop's. */
export const threadOf = (seat: number): number => seat + 1;

export class ChannelLog {
  readonly log: Log;
  readonly table: ChannelTable;
  readonly writer: LogWriter;
  /** The append lock. */
  readonly lock: Mutex;
  /** Used again for every name. */
  readonly name: EncodedName;
  /** This thread's number, see `threadOf`. */
  readonly thread: number;
  readonly #epoch: string;

  constructor(log: SharedArrayBuffer, channels: SharedArrayBuffer, epoch: bigint, thread: number) {
    this.log = new Log(log);
    this.table = new ChannelTable(channels);
    this.writer = new LogWriter(this.log);
    this.lock = new Mutex(this.log.words, LOG_LOCK_INDEX, thread, 'of the log');
    this.name = new EncodedName(this.table.hashKey);
    this.thread = thread;
    // With one order for all nodes, an epoch is the same on all of them.
    this.#epoch = this.log.isOrdered ? '' : epoch.toString(RADIX);
    this.table.isOrdered = this.log.isOrdered;
    if (this.log.bridge !== 0) {
      this.table.onInterest = (entry, isWanted) => this.#tellInterest(this.table.nameOf(entry), isWanted);
      this.table.mayForget = (last) => this.#hasBridgeRead(last);
    }
  }

  /** Where the channel stands; `entry` is 0 for one that is not there. Under the lock. */
  positionOf(entry: number): ChannelPosition {
    const none = this.log.isOrdered ? 0 : this.table.lives;
    const life = entry === 0 ? none : this.table.life(entry);
    return {
      epoch: this.epochOf(life),
      sequence: entry === 0 ? 0 : this.table.sequence(entry),
    };
  }

  epochOf(life: number): string {
    if (this.log.isOrdered && life === 0) return UNKNOWN_EPOCH;
    return `${this.#epoch}.${life.toString(RADIX)}`;
  }

  /**
   * What `after` says, which may come from a client and be anything; undefined when it means nothing here. Not under the lock: it
   * may run code of the user.
   */
  parse(after: ChannelPosition): ParsedPosition | undefined {
    const { epoch, sequence } = after ?? {};
    if (typeof epoch !== 'string' || epoch.length > MAX_EPOCH_LENGTH) return undefined;
    if (!Number.isSafeInteger(sequence) || sequence < 0 || epoch === UNKNOWN_EPOCH) return undefined;
    const life = Number.parseInt(epoch.slice(epoch.indexOf('.') + 1), RADIX);
    return epoch === this.epochOf(life) ? { life, sequence } : undefined;
  }

  /**
   * The sequence up to which someone knows the channel who was at that position; undefined when messages may have been
   * forgotten since. Under the lock.
   */
  knownUpTo(entry: number, { life, sequence }: ParsedPosition): number | undefined {
    if (entry !== 0 && life === this.table.life(entry)) {
      return sequence <= this.table.sequence(entry) ? sequence : undefined;
    }
    // Lives that the engine gives do not compare.
    if (this.log.isOrdered) return undefined;
    // There were no messages then, and no channel with messages has been forgotten since: so all there are came later.
    const isBefore = entry === 0 || life < this.table.life(entry);
    return sequence === 0 && isBefore && this.table.forgotten <= life ? 0 : undefined;
  }

  /** In order with the messages around it. When there is no room it looks for itself, see `interestLost`. */
  #tellInterest(name: string, isWanted: boolean): void {
    const { words } = this.log;
    if (!this.#tryTell(name, isWanted ? Tell.wanted : Tell.unwanted, 0))
      Atomics.store(words, LOG_INTEREST_LOST_INDEX, 1);
  }

  #tryTell(name: string, connection: Tell, sequence: number): boolean {
    const { log, writer } = this;
    const dataBytes = Buffer.byteLength(name);
    const position = writer.tryReserve(dataBytes);
    if (position !== NO_POSITION) {
      const head = { channel: 0, sequence, previous: NO_POSITION, flags: INTEREST | LOCAL, connection };
      writer.write(position, head, name, dataBytes);
      writer.commit(position, dataBytes);
    }
    ring(log.words, bellIndex(log.bridge));
    return position !== NO_POSITION;
  }

  /**
   * Asks the bridge for what the engine holds behind a sequence of a channel. False when the log is full: there will be no answer.
   */
  tryAsk(name: string, sequence: number): boolean {
    return this.lock.hold(() => this.#tryTell(name, Tell.asked, sequence));
  }

  /** True once, after the bridge was not told of some channels for want of room. The bridge. */
  takeInterestLost(): boolean {
    return Atomics.exchange(this.log.words, LOG_INTEREST_LOST_INDEX, 0) === 1;
  }

  /** What the bridge has not read must keep its channel, whose name is not in the record. */
  #hasBridgeRead(last: number): boolean {
    const { log, writer } = this;
    if (last === NO_POSITION || !log.isActive(log.bridge)) return true;
    const lag = ((writer.end | 0) - Atomics.load(log.words, cursorIndex(log.bridge))) >>> 0;
    return last < writer.end - lag;
  }

  /** How many channels there are, and bytes of records ever written. */
  usage(): { channels: number; writtenBytes: number } {
    return this.lock.hold(() => {
      const writtenUnits = this.log.longs[LogWriterLong.end] as number;
      return { channels: this.table.count, writtenBytes: writtenUnits * UNIT_BYTES };
    });
  }

  /** Lets publishers overwrite what a loop that stands still has not read, if it is in their way. True when done. The primary only. */
  ungate(seat: number): boolean {
    const isEjected = this.lock.hold(() => this.writer.isHeldUpBy(seat) && this.log.tryEject(seat));
    if (isEjected) ring(this.log.words, bellIndex(seat));
    return isEjected;
  }

  /** A loop's thread has ended. The primary only. */
  forgetSeat(seat: number): void {
    // No user code runs under this lock, and nothing else ends a thread in the middle: a last line, never needed so far.
    Mutex.free(this.log.words, LOG_LOCK_INDEX, threadOf(seat));
    this.log.detach(seat);
    for (let place: number | undefined = 0; place !== undefined; ) {
      const from: number = place;
      place = this.lock.hold(() => this.table.forgetLoop(seat, from));
    }
  }
}
