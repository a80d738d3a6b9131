/** Channels as one loop's connections use them: subscribe, publish, look back. */
import { type ChannelLog, type ChannelPosition, UNKNOWN_EPOCH } from '../shared/channel-log.ts';
import { type Found, History, type HistoryResult } from '../shared/history.ts';
import type { CounterName } from '../shared/layout.ts';
import { recordFlags } from '../shared/log.ts';
import { MessagePack } from '../shared/message-pack.ts';
import { Publisher, type PublishResult } from '../shared/publisher.ts';
import { ensureStackRoom } from '../shared/stack-room.ts';
import {
  CloseCode,
  type HistoryOptions,
  type MessageData,
  type SendOptions,
  type SubscribeOptions,
  type SubscribePosition,
  type SubscribeRefusal,
  type SubscribeResult,
  toTextOrBytes,
} from '../websocket.ts';
import { CatchUp } from './catch-up.ts';
import type { FanOut, Placed } from './fan-out.ts';
import { Questions } from './questions.ts';
import type { ServerWebSocket } from './server-websocket.ts';
import type { SlowConsumers } from './slow-consumers.ts';
import { LocalChannel, Subscription } from './subscription.ts';

/** Messages that `history` gives when no limit is asked for. */
const HISTORY_LIMIT = 100;
/** Memory for what is copied for a connection that resumes, before publishers can overwrite it. */
const AHEAD_BYTES = 128 * 1024;

export interface ChannelLimits {
  readonly maxChannelsPerConnection: number;
  readonly maxBackpressure: number;
}

export class Channels {
  readonly #shared: ChannelLog;
  readonly #seat: number;
  readonly #limits: ChannelLimits;
  readonly #totals: Record<CounterName, number>;
  readonly #fanOut: FanOut;
  readonly #slow: SlowConsumers;
  readonly #publisher: Publisher;
  readonly #history: History;
  readonly #catchUp: CatchUp;
  readonly #questions: Questions;
  /** Channels with subscribers on this loop, by name. */
  readonly #byName = new Map<string, LocalChannel>();

  constructor(
    shared: ChannelLog,
    seat: number,
    fanOut: FanOut,
    slow: SlowConsumers,
    limits: ChannelLimits,
    totals: Record<CounterName, number>,
  ) {
    this.#shared = shared;
    this.#seat = seat;
    this.#limits = limits;
    this.#totals = totals;
    this.#fanOut = fanOut;
    this.#slow = slow;
    this.#publisher = new Publisher(shared, () => fanOut.schedule());
    this.#history = new History(shared);
    this.#catchUp = new CatchUp(shared, this.#history, fanOut, limits.maxBackpressure);
    this.#questions = new Questions(shared, this.#history, (subscription, found) =>
      this.#begin(subscription, found),
    );
  }

  // ── publishing ──

  /** Publishes to everyone, or to everyone but `sender`. */
  publish(
    name: string,
    data: MessageData,
    options: SendOptions | undefined,
    sender?: ServerWebSocket,
  ): PublishResult {
    const channel = this.#byName.get(name);
    const flags = recordFlags(options?.binary ?? typeof data !== 'string', options?.compress ?? true);
    let connection = 0;
    if (sender !== undefined && !sender.isClosed) {
      connection = sender.number;
      this.#fanOut.senders.set(connection, sender);
    }
    const result = this.#publisher.publish(name, channel?.entry ?? 0, toTextOrBytes(data), flags, connection);
    if (result.ok) this.#totals.published++;
    else this.#totals.publishesRefused++;
    return result;
  }

  // ── subscribing ──

  subscribe(connection: ServerWebSocket, name: string, options: SubscribeOptions = {}): SubscribeResult {
    ensureStackRoom();
    const { after, limit = Number.POSITIVE_INFINITY } = options;
    assertLimit(limit);
    if (connection.isClosed) return this.#refuse('closed');
    const { subscriptions } = connection;
    const present = subscriptions.get(name);
    if (present !== undefined) {
      if (after === undefined) return this.#standing(present);
      this.unsubscribe(connection, name);
    }
    if (subscriptions.size >= this.#limits.maxChannelsPerConnection)
      return this.#refuse('too-many-subscriptions');

    const { lock, log, name: encoded, table } = this.#shared;
    if (!encoded.trySet(name)) return this.#refuse('invalid-channel');
    let channel = this.#byName.get(name);
    let position: ChannelPosition;
    let tail: number;
    lock.lock();
    try {
      const entry = channel?.entry ?? table.findOrCreate(encoded);
      if (entry === 0) return this.#refuse('too-many-channels');
      channel ??= this.#add(name, entry);
      table.setSubscribers(entry, this.#seat, channel.subscribers + 1);
      channel.subscribers++;
      position = this.#shared.positionOf(entry);
      tail = log.tail;
    } finally {
      lock.unlock();
    }
    const subscription = new Subscription(connection, channel);
    subscriptions.set(name, subscription);
    if (position.epoch === UNKNOWN_EPOCH) return this.#questions.wait(subscription, after, limit, false);
    if (after === undefined) {
      subscription.joinAt = tail;
      subscription.sequence = position.sequence;
      this.#fanOut.join(subscription);
      return { ok: true, ...position, missed: 0, complete: true };
    }
    const found = this.#history.find(name, after, limit);
    if (log.isOrdered && !found.isHeld) return this.#questions.wait(subscription, after, limit, true);
    return { ok: true, ...this.#begin(subscription, found) };
  }

  /** Sends what was found, then lets the subscription join. */
  #begin(subscription: Subscription, found: Found): SubscribePosition {
    const { epoch, sequence, trail } = found;
    const pack = new MessagePack(AHEAD_BYTES);
    const lost = this.#history.pack(trail, pack, AHEAD_BYTES);
    const missed = pack.length + trail.length;
    this.#catchUp.start(subscription, found, pack);
    return { epoch, sequence, missed, complete: found.complete && lost === 0 };
  }

  /** The engine has said where a channel stands. */
  placed(placed: Placed): void {
    this.#questions.placed(placed);
  }

  /** Publishers went on without this loop: its subscriptions go on from what they had, or their connections are closed. */
  recover(connections: Iterable<ServerWebSocket>): void {
    const behind: { subscription: Subscription; after: ChannelPosition }[] = [];
    const waiting: Subscription[] = [];
    this.#shared.lock.hold(() => {
      this.#fanOut.attach();
      for (const connection of connections) {
        for (const subscription of connection.subscriptions.values()) {
          const { channel, state } = subscription;
          // The one looks for what it missed from where it stands, the other skips it, the third asks again.
          if (state === 'catching-up' || state === 'paused' || state === 'waiting') continue;
          const { epoch: present, sequence: newest } = this.#shared.positionOf(channel.entry);
          const epoch = this.#shared.epochOf(channel.life);
          const sequence = state === 'live' ? channel.sequence : subscription.sequence;
          if (sequence !== newest || epoch !== present)
            behind.push({ subscription, after: { epoch, sequence } });
          else if (state === 'joining') waiting.push(subscription);
        }
      }
      const { table } = this.#shared;
      for (const channel of this.#byName.values()) {
        channel.sequence = table.sequence(channel.entry);
        channel.life = table.life(channel.entry);
      }
    });
    this.#questions.recover();
    for (const subscription of waiting) {
      subscription.joinAt = this.#fanOut.cursor;
      this.#fanOut.join(subscription);
    }
    for (const { subscription, after } of behind) this.#goBack(subscription, after);
  }

  #goBack(subscription: Subscription, after: ChannelPosition): void {
    const { channel, connection } = subscription;
    if (subscription.state === 'live') {
      channel.live.delete(subscription);
      connection.leaveTopic(channel.topic);
    }
    const found = this.#history.find(channel.name, after, Number.POSITIVE_INFINITY);
    this.#catchUp.start(subscription, found, new MessagePack(AHEAD_BYTES));
    if (!found.complete) connection.close(CloseCode.tryAgainLater, 'messages were missed');
  }

  /** False when it was not subscribed. */
  unsubscribe(connection: ServerWebSocket, name: string): boolean {
    const subscription = connection.subscriptions.get(name);
    if (subscription === undefined) return false;
    ensureStackRoom();
    connection.subscriptions.delete(name);
    if (subscription.state === 'live') connection.leaveTopic(subscription.channel.topic);
    this.#shared.lock.hold(() => this.#end(subscription));
    return true;
  }

  /** The connection is closed. */
  leave(connection: ServerWebSocket): void {
    this.#fanOut.senders.delete(connection.number);
    if (connection.subscriptions.size === 0) return;
    this.#shared.lock.hold(() => {
      for (const subscription of connection.subscriptions.values()) this.#end(subscription);
    });
    connection.subscriptions.clear();
  }

  /** The connection's backlog has become shorter. */
  drained(connection: ServerWebSocket): void {
    for (const subscription of connection.subscriptions.values()) {
      if (subscription.state === 'catching-up') this.#catchUp.resume(subscription);
    }
    for (const subscription of this.#slow.resumable(connection)) {
      subscription.joinAt = this.#fanOut.cursor;
      this.#fanOut.join(subscription);
    }
  }

  // ── looking ──

  subscriberCount(name: string): number {
    const { name: encoded, table } = this.#shared;
    if (!encoded.trySet(name)) return 0;
    return this.#shared.lock.hold(() => {
      const entry = table.find(encoded);
      return entry === 0 ? 0 : table.subscribers(entry) + table.elsewhere(entry);
    });
  }

  history(name: string, { after, limit = HISTORY_LIMIT }: HistoryOptions = {}): HistoryResult {
    assertLimit(limit);
    return this.#history.read(name, after, limit);
  }

  /** What is true of a subscription that has been there for a while. */
  #standing(subscription: Subscription): SubscribeResult {
    const { state, channel, missed } = subscription;
    if (state === 'waiting') return this.#questions.standing(subscription);
    const { epoch, sequence } = this.#shared.lock.hold(() => this.#shared.positionOf(channel.entry));
    let had: ChannelPosition = missed ?? { epoch, sequence: subscription.sequence };
    if (state === 'live' || state === 'paused')
      had = { epoch: this.#shared.epochOf(channel.life), sequence: channel.sequence };
    const count = Math.max(0, sequence - (had.epoch === epoch ? had.sequence : 0));
    const waiting = missed === undefined ? 0 : missed.pack.length + missed.trail.length;
    return { ok: true, epoch, sequence, missed: waiting + count, complete: true };
  }

  #refuse(reason: SubscribeRefusal): SubscribeResult {
    this.#totals.subscriptionsRefused++;
    return { ok: false, reason };
  }

  #add(name: string, entry: number): LocalChannel {
    const { table } = this.#shared;
    const channel = new LocalChannel(name, entry, table.life(entry), table.sequence(entry));
    this.#byName.set(name, channel);
    this.#fanOut.channels.set(entry, channel);
    return channel;
  }

  /** Under the lock. */
  #end(subscription: Subscription): void {
    const { channel } = subscription;
    channel.live.delete(subscription);
    if (subscription.state === 'waiting') this.#questions.end(subscription);
    subscription.state = 'over';
    subscription.missed = undefined;
    channel.subscribers--;
    this.#shared.table.setSubscribers(channel.entry, this.#seat, channel.subscribers);
    if (channel.subscribers > 0) return;
    this.#byName.delete(channel.name);
    this.#fanOut.channels.delete(channel.entry);
  }
}

function assertLimit(limit: number): void {
  if ((Number.isSafeInteger(limit) || limit === Number.POSITIVE_INFINITY) && limit >= 0) return;
  throw new RangeError(`limit ${limit} is not accepted; give an integer from 0, or Infinity`);
}
