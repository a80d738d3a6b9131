/**
 * Connects the log to the other nodes: sends what this node publishes, and publishes here what comes. One more reader and one more
 * writer of the log; the loops know nothing of it.
 */
import type {
  Backplane,
  BackplaneEvents,
  Incoming,
  Missed,
  Placed,
  Replayed,
} from '../backplane/backplane.ts';
import { BridgeWriter, type Delivery, type Numbered } from '../shared/bridge-writer.ts';
import type { ChannelLog } from '../shared/channel-log.ts';
import { Doorbell } from '../shared/doorbell.ts';
import { bellIndex, UNIT_BYTES } from '../shared/layout.ts';
import { BINARY, COMPRESS, INTEREST, LOCAL, OUTBOUND, RecordWord, Tell } from '../shared/log.ts';
import { LogReader } from '../shared/log-reader.ts';
import { Headcount } from './headcount.ts';

/** Records of one turn. */
const BATCH = 1024;
/** A channel is wanted for so long after its last subscriber has left: many come back at once. */
const LINGER_MS = 5000;
/** How long to wait for a log that is full. */
const RETRY_MS = 20;
/** How often to look whether the engine takes more, and how much of the log may wait for that. */
const CONGESTED_MS = 5;
const WAITING_SHARE = 1 / 4;
/** How often subscribers are counted. */
const LOOK_MS = 1000;
/** What is copied into the log for those who look back may take so much of it. */
const REPLAY_SHARE = 1 / 4;

/** A channel that is wanted. */
interface Wanted {
  /** What ends that, when nobody subscribes any more. */
  end: NodeJS.Timeout | null;
  /** Where it stands, when the engine gives the numbers; life 0 before that is known. */
  life: number;
  sequence: number;
  /** Messages that did not come, or that the log had no room for, and that nobody has been told of yet; null: nobody knows how many. */
  owed: number | null;
  /** When subscribers have not been told where it stands: what the log holds all of begins there. */
  placeFrom: number | null;
}

export class Bridge {
  readonly #shared: ChannelLog;
  readonly #reader: LogReader;
  readonly #doorbell: Doorbell;
  readonly #writer: BridgeWriter;
  readonly #backplane: Backplane;
  readonly #wanted = new Map<string, Wanted>();
  /** Channels that there was no room for in the log, to tell of. */
  readonly #untold = new Set<string>();
  readonly #headcount: Headcount;
  readonly #count: NodeJS.Timeout;
  #retry: NodeJS.Timeout | undefined;
  #isScheduled = false;
  #isClosed = false;

  constructor(
    shared: ChannelLog,
    connect: (events: BackplaneEvents) => Backplane,
    onState: BackplaneEvents['onState'],
  ) {
    const { log } = shared;
    this.#shared = shared;
    this.#reader = new LogReader(log, log.bridge);
    this.#doorbell = new Doorbell(log.words, bellIndex(log.bridge), () => this.#run());
    this.#writer = new BridgeWriter(shared);
    this.#backplane = connect({
      onMessage: (message) => this.#received(message),
      onMissed: (missed) => this.#missed(missed),
      onPlaced: (placed) => this.#placed(placed),
      onReplayed: (replayed) => this.#replayed(replayed),
      onCounts: (node, counts) => this.#headcount.heard(node, counts),
      onState,
    });
    this.#headcount = new Headcount(shared, shared.table.maxChannels, (counts) =>
      this.#backplane.tryAnnounce(counts),
    );
    this.#count = setInterval(() => this.#headcount.look(this.#wanted), LOOK_MS).unref();
    this.#shared.lock.hold(() => this.#reader.attach());
    this.#lookForInterest();
    this.#run();
  }

  get backplane(): Backplane {
    return this.#backplane;
  }

  /** Sends what has been published up to now, as far as that goes within the time. */
  async close(timeoutMs: number): Promise<void> {
    while (!this.#reader.isAtTail) this.#read();
    this.#isClosed = true;
    this.#reader.detach();
    clearTimeout(this.#retry);
    clearInterval(this.#count);
    for (const { end } of this.#wanted.values()) clearTimeout(end ?? undefined);
    await this.#backplane.close(timeoutMs);
  }

  // ── out ──

  #run(): void {
    if (this.#isClosed) return;
    if (this.#mayWait()) {
      setTimeout(() => this.#run(), CONGESTED_MS).unref();
      return;
    }
    this.#read();
    // Not before all is read that is older than what the table says.
    if (this.#reader.isAtTail && this.#shared.takeInterestLost()) this.#lookForInterest();
    if (this.#reader.isAtTail) this.#sleep();
    else this.#schedule();
  }

  #read(): void {
    // The primary takes nobody out of the gate but loops, so this cannot fail.
    this.#reader.tryBeginReading();
    this.#reader.read(BATCH, this.#visit);
    this.#reader.endReading();
  }

  /** What the engine cannot take now is as well kept in the log, while that has room. */
  #mayWait(): boolean {
    const { log } = this.#shared;
    return this.#backplane.isCongested && log.unread(log.bridge) < log.units * WAITING_SHARE;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#run();
    });
  }

  #sleep(): void {
    this.#doorbell.arm();
    if (this.#reader.isAtTail && this.#doorbell.tryWait()) return;
    this.#doorbell.disarm();
    this.#schedule();
  }

  readonly #visit = (word: number): number => {
    const { log, table } = this.#shared;
    const flags = log.words[word + RecordWord.flags] as number;
    if ((flags & INTEREST) !== 0) {
      const channel = Buffer.from(log.dataAt(word)).toString();
      const said = log.words[word + RecordWord.connection];
      if (said === Tell.asked) this.#ask(channel, log.sequenceAt(word));
      else this.#setInterest(channel, said === Tell.wanted);
    } else if ((flags & OUTBOUND) !== 0) {
      const bytes = Buffer.from(log.dataAt(word));
      const dataBytes = log.sequenceAt(word);
      this.#publish(bytes.toString('utf8', dataBytes), bytes.subarray(0, dataBytes), word);
    } else if ((flags & LOCAL) === 0) {
      // The channel is not forgotten before this is read, so its name is that of the record's.
      const channel = table.nameOf(log.words[word + RecordWord.channel] as number);
      this.#publish(channel, Buffer.from(log.dataAt(word)), word);
    }
    return 1;
  };

  #publish(channel: string, data: Buffer, word: number): void {
    const { log } = this.#shared;
    const flags = log.words[word + RecordWord.flags] as number;
    const connection = (log.words[word + RecordWord.connection] as number) >>> 0;
    const sender = { thread: log.threadAt(word), connection };
    const [isBinary, compress] = [(flags & BINARY) !== 0, (flags & COMPRESS) !== 0];
    this.#backplane.publish({ channel, isBinary, compress, data, sender });
  }

  // ── interest ──

  #setInterest(channel: string, isWanted: boolean): void {
    const wanted = this.#wanted.get(channel);
    if (isWanted && wanted === undefined) {
      this.#wanted.set(channel, { end: null, life: 0, sequence: 0, owed: 0, placeFrom: null });
      this.#backplane.want(channel);
      this.#headcount.apply(channel);
    } else if (isWanted && wanted !== undefined) {
      clearTimeout(wanted.end ?? undefined);
      wanted.end = null;
      // It may have been forgotten here meanwhile.
      if (wanted.life !== 0) this.#place(channel, wanted, Number.POSITIVE_INFINITY);
    } else if (wanted?.end === null) {
      wanted.end = setTimeout(() => this.#endInterest(channel, wanted), LINGER_MS).unref();
    }
  }

  #endInterest(channel: string, wanted: Wanted): void {
    wanted.end = null;
    // Somebody may have come back whom the bridge has not read of.
    if (!this.#writer.tryUnplace(channel)) return;
    this.#wanted.delete(channel);
    this.#backplane.unwant(channel);
  }

  #ask(channel: string, after: number): void {
    if (this.#wanted.has(channel)) this.#backplane.replay(channel, after);
  }

  /** What the records do not tell: at the start, and when the log was too full to tell. */
  #lookForInterest(): void {
    const present = new Set<string>();
    for (let place: number | undefined = 0; place !== undefined; ) {
      const from: number = place;
      const { names, next } = this.#shared.lock.hold(() => this.#shared.table.wanted(from));
      for (const name of names) present.add(name);
      place = next;
    }
    for (const channel of present) this.#setInterest(channel, true);
    for (const channel of this.#wanted.keys()) if (!present.has(channel)) this.#setInterest(channel, false);
  }

  // ── in ──

  #received(message: Incoming): void {
    const { channel } = message;
    const wanted = this.#wanted.get(channel);
    if (wanted === undefined) return;
    const isTold = this.#tryTell(channel, wanted);
    wanted.sequence++;
    if (isTold && this.#writer.tryDeliver(deliveryOf(message))) return;
    // The log is full, which a loop that hangs can cause, or the message does not fit.
    this.#owe(channel, wanted, 1);
  }

  #missed({ channel, count }: Missed): void {
    const wanted = this.#wanted.get(channel);
    if (wanted === undefined) return;
    wanted.sequence += count ?? 1;
    this.#owe(channel, wanted, count);
  }

  #placed({ channel, life, sequence }: Placed): void {
    const wanted = this.#wanted.get(channel);
    if (wanted === undefined) return;
    // What is owed of another life has no number in this one.
    Object.assign(wanted, { life, sequence, owed: 0 });
    this.#place(channel, wanted, Number.POSITIVE_INFINITY);
  }

  #replayed({ channel, after, messages }: Replayed): void {
    const wanted = this.#wanted.get(channel);
    if (wanted === undefined) return;
    if (this.#tryTell(channel, wanted)) {
      const first = wanted.sequence - messages.length + 1;
      const numbered = messages.map((message, i) => ({ ...deliveryOf(message), sequence: first + i }));
      this.#writer.tryReplay(channel, this.#newest(numbered));
    }
    // The answer comes, with or without what was asked for.
    this.#place(channel, wanted, after);
  }

  /** As many as there is room for. */
  #newest(messages: readonly Numbered[]): readonly Numbered[] {
    const room = this.#shared.log.units * UNIT_BYTES * REPLAY_SHARE;
    let bytes = 0;
    const last = messages.findLastIndex(({ data }) => {
      bytes += data.byteLength + UNIT_BYTES;
      return bytes > room;
    });
    return messages.slice(last + 1);
  }

  #place(channel: string, wanted: Wanted, from: number): void {
    wanted.placeFrom = Math.min(wanted.placeFrom ?? from, from);
    this.#tryTell(channel, wanted);
  }

  #owe(channel: string, wanted: Wanted, count: number | null): void {
    wanted.owed = count === null || wanted.owed === null ? null : wanted.owed + count;
    this.#tryTell(channel, wanted);
  }

  /** Tells the subscribers what they have not been told. False when there is no room for that now: then it is tried again. */
  #tryTell(channel: string, wanted: Wanted): boolean {
    const { life, sequence, owed, placeFrom } = wanted;
    if (placeFrom !== null) {
      if (!this.#writer.tryPlace(channel, life, sequence - (owed ?? 1), placeFrom))
        return this.#tellLater(channel);
      wanted.placeFrom = null;
    }
    if (owed === 0) return true;
    if (!this.#writer.trySkip(channel, owed)) return this.#tellLater(channel);
    wanted.owed = 0;
    return true;
  }

  #tellLater(channel: string): false {
    this.#untold.add(channel);
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      const untold = [...this.#untold];
      this.#untold.clear();
      for (const each of untold) {
        const wanted = this.#wanted.get(each);
        if (wanted !== undefined) this.#tryTell(each, wanted);
      }
    }, RETRY_MS);
    return false;
  }
}

const deliveryOf = ({ channel, isBinary, compress, data, sender }: Incoming): Delivery => ({
  channel,
  isBinary,
  compress,
  data,
  ...sender,
});
