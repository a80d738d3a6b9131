/**
 * Out of the log: delivers what other threads and this one have published to this loop's connections.
 *
 * uWebSockets.js gathers what is published to one socket within a turn and sends it together, up to 32 messages; inside a
 * message handler every further one is a system call of its own. So messages are delivered from a turn of their own, in batches;
 * the batches are bounded, and between two of them sockets and timers have their turn.
 */
import type { ChannelLog } from '../shared/channel-log.ts';
import { Doorbell } from '../shared/doorbell.ts';
import { bellIndex, type CounterName } from '../shared/layout.ts';
import { BINARY, COMPRESS, GAP, POSITION, REPLAY, RecordWord } from '../shared/log.ts';
import { LogReader } from '../shared/log-reader.ts';
import type { App } from '../uws.ts';
import type { ServerWebSocket } from './server-websocket.ts';
import type { SlowConsumers } from './slow-consumers.ts';
import type { LocalChannel, Subscription } from './subscription.ts';

/** What one batch may cost: a delivery costs 1, and so does a record; data that a slow client has no room for costs all of it. */
const BATCH_BUDGET = 2048;
const NO_MESSAGE = GAP | REPLAY | POSITION;
/** Messages that are merged. A batch has room for so many, however many deliveries that makes: with fewer, all cost more. */
const MERGED = 32;
const MOST_PER_RECORD = BATCH_BUDGET / MERGED - 1;

/** What the engine has said of a channel. */
export interface Placed {
  readonly channel: LocalChannel;
  readonly life: number;
  readonly sequence: number;
  /** The log holds all that the engine holds from there on; Infinity when nothing was looked for. */
  readonly from: number;
}

/** What the loop does when the log says more than messages. */
export interface FanOutEvents {
  /** Publishers did not wait for this loop: it attaches anew and sees to what was missed. */
  onBehind(): void;
  onPlaced(placed: Placed): void;
}

export class FanOut {
  /** Channels with subscribers on this loop, by their entry in the channel table. */
  readonly channels = new Map<number, LocalChannel>();
  /** Connections that have published to a channel of theirs, by number. */
  readonly senders = new Map<number, ServerWebSocket>();
  readonly #shared: ChannelLog;
  readonly #totals: Record<CounterName, number>;
  readonly #reader: LogReader;
  readonly #doorbell: Doorbell;
  /** In the order of the positions where they become live. */
  readonly #joining: Subscription[] = [];
  readonly #slow: SlowConsumers;
  readonly #events: FanOutEvents;
  /** What the last record of the batch says, if that is more than a message. */
  #notice: (() => void) | undefined;
  /** Since backlogs were looked at last: channels that something was delivered of, and how many bytes. */
  readonly #published = new Set<LocalChannel>();
  #publishedBytes = 0;
  #app: App | undefined;
  #isScheduled = false;

  constructor(
    shared: ChannelLog,
    seat: number,
    totals: Record<CounterName, number>,
    slow: SlowConsumers,
    events: FanOutEvents,
  ) {
    this.#shared = shared;
    this.#totals = totals;
    this.#slow = slow;
    this.#events = events;
    this.#reader = new LogReader(shared.log, seat);
    this.#doorbell = new Doorbell(shared.log.words, bellIndex(seat), () => {
      totals.wakeUps++;
      this.#run();
    });
  }

  /** From here on there may be connections, and the loop reads. An app module that loads slowly holds nobody up. */
  start(app: App): void {
    this.#app = app;
    this.#shared.lock.hold(() => this.attach());
    this.#run();
  }

  /** Begins again at the tail. Under the append lock; whoever was to join has missed something. */
  attach(): void {
    this.#reader.attach();
    this.#joining.length = 0;
  }

  /** The loop ends: nothing is held back for it. */
  stop(): void {
    this.#app = undefined;
    this.#reader.detach();
  }

  /** This loop has published something: it is delivered when the present callback is over. */
  schedule(): void {
    if (this.#isScheduled) return;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#run();
    });
    this.#isScheduled = true;
    this.#doorbell.disarm();
  }

  /** Low 32 bits of the log position up to which this loop has delivered. */
  get cursor(): number {
    return this.#reader.cursor;
  }

  /** Whether this loop has not yet delivered what comes behind a position. */
  isAhead(position: number): boolean {
    return ((position - this.#reader.cursor) | 0) >= 0;
  }

  /** Lets a subscription get messages from `joinAt` on, which the loop has not passed. */
  join(subscription: Subscription): void {
    subscription.state = 'joining';
    if (subscription.joinAt === this.#reader.cursor) {
      goLive(subscription);
      return;
    }
    // One that has caught up may have to join before some that asked later.
    let place = this.#joining.length;
    while (place > 0 && isBefore(subscription, this.#joining[place - 1])) place--;
    this.#joining.splice(place, 0, subscription);
    // Nobody may publish to this loop's channels for long, and until it has read that far a closed connection would be kept here.
    this.schedule();
  }

  #run(): void {
    if (this.#app === undefined) return;
    this.#checkBacklogs();
    // The loop stood still for long, and publishers went on without it.
    if (!this.#reader.tryBeginReading()) {
      this.#events.onBehind();
      this.schedule();
      return;
    }
    if (this.channels.size === 0) this.#reader.skipToTail();
    else this.#reader.read(BATCH_BUDGET, this.#visit);
    this.#reader.endReading();
    const tell = this.#notice;
    this.#notice = undefined;
    tell?.();
    this.#admit(this.#reader.cursor);
    if (this.#reader.isAtTail) this.#sleep();
    else this.schedule();
  }

  /** What the batch before this one published has been handed to the sockets by now. */
  #checkBacklogs(): void {
    if (this.#publishedBytes < this.#slow.lookBytes) return;
    this.#slow.check(this.#published);
    this.#published.clear();
    this.#publishedBytes = 0;
  }

  #sleep(): void {
    this.#doorbell.arm();
    if (this.#reader.isAtTail && this.#doorbell.tryWait()) return;
    this.#doorbell.disarm();
    this.schedule();
  }

  /** Subscriptions that were made when the log ended here. */
  #admit(position: number): void {
    let admitted = 0;
    for (const subscription of this.#joining) {
      if (((subscription.joinAt - position) | 0) > 0) break;
      admitted++;
      if (subscription.state === 'joining') goLive(subscription);
    }
    if (admitted > 0) this.#joining.splice(0, admitted);
  }

  readonly #visit = (word: number, position: number): number => {
    if (this.#joining.length > 0) this.#admit(position);
    const { log } = this.#shared;
    const channel = this.channels.get(log.words[word + RecordWord.channel] as number);
    if (channel === undefined) return 1;
    const flags = log.words[word + RecordWord.flags] as number;
    if ((flags & NO_MESSAGE) !== 0) return this.#visitOther(word, flags, channel);
    channel.sequence = log.sequenceAt(word);
    if (channel.live.size === 0) return 1;
    const data = log.dataAt(word);
    const isBinary = (flags & BINARY) !== 0;
    const compress = (flags & COMPRESS) !== 0;
    const sender = this.#senderOf(word, channel);
    if (sender === undefined) this.#app?.publish(channel.topic, data, isBinary, compress);
    else sender.publishToOthers(channel.topic, data, isBinary, compress);
    const deliveries = sender === undefined ? channel.live.size : channel.live.size - 1;
    this.#totals.deliveries += deliveries;
    this.#totals.messagesOut += deliveries;
    this.#totals.bytesOut += deliveries * data.byteLength;
    this.#published.add(channel);
    this.#publishedBytes += data.byteLength;
    return (
      1 + Math.min(deliveries, MOST_PER_RECORD) + (data.byteLength * BATCH_BUDGET) / this.#slow.lookBytes
    );
  };

  /** Ends the batch, so that user code that is told runs when nothing is being read, and before what comes behind is published. */
  #visitOther(word: number, flags: number, channel: LocalChannel): number {
    if ((flags & REPLAY) !== 0) return 1;
    const { log } = this.#shared;
    const [first = Number.NaN, from = Number.NaN] = new Float64Array(log.dataAt(word).slice().buffer);
    const sequence = log.sequenceAt(word);
    channel.sequence = sequence;
    if ((flags & GAP) !== 0) {
      this.#notice = () => this.#tellMissed(channel, Number.isNaN(first) ? null : first);
    } else {
      const isOther = channel.life !== 0 && channel.life !== first;
      channel.life = first;
      this.#notice = () => {
        if (isOther) this.#tellMissed(channel, null);
        this.#events.onPlaced({ channel, life: first, sequence, from });
      };
    }
    return BATCH_BUDGET;
  }

  /** After what this batch has published to them, which they get before. */
  #tellMissed(channel: LocalChannel, count: number | null): void {
    const { name, sequence, life } = channel;
    const missed = { channel: name, count, sequence, epoch: this.#shared.epochOf(life) };
    const connections = [...channel.live].map(({ connection }) => connection);
    for (const connection of connections) connection.missed(missed);
  }

  /** The connection that published the record, if it would get it and must not. */
  #senderOf(word: number, channel: LocalChannel): ServerWebSocket | undefined {
    const { log, thread } = this.#shared;
    if (log.threadAt(word) !== thread) return undefined;
    const sender = this.senders.get((log.words[word + RecordWord.connection] as number) >>> 0);
    return sender?.subscriptions.get(channel.name)?.state === 'live' ? sender : undefined;
  }
}

const isBefore = (one: Subscription, other: Subscription | undefined): boolean =>
  other !== undefined && ((one.joinAt - other.joinAt) | 0) < 0;

function goLive(subscription: Subscription): void {
  subscription.state = 'live';
  subscription.channel.live.add(subscription);
  subscription.connection.joinTopic(subscription.channel.topic);
}
