/**
 * Sends subscriptions what they missed, as fast as each client reads, and lets them join the others when they have caught up.
 *
 * All of a loop's subscriptions share what may be sent in one turn, so that sockets and timers have theirs however much was missed.
 */
import type { ChannelLog } from '../shared/channel-log.ts';
import type { Found, History } from '../shared/history.ts';
import { BINARY, COMPRESS, threadIn } from '../shared/log.ts';
import type { MessagePack, PackedMessage } from '../shared/message-pack.ts';
import { CloseCode } from '../websocket.ts';
import type { FanOut } from './fan-out.ts';
import type { ServerWebSocket } from './server-websocket.ts';
import type { Missed, Subscription } from './subscription.ts';

/** Share of `maxBackpressure` that may wait for the client before the next messages are copied out of the log. */
const BACKLOG_SHARE = 1 / 2;
/**
 * What may be sent in one turn: a message costs 1, and so does each of these bytes of data. Twice what this loop delivers of new
 * messages in a turn, and a log that is full takes no more than that, so a quick client is ahead of what is overwritten.
 */
const TURN_BUDGET = 4096;
const BYTES_PER_COST = 1024;
/** Bytes that are copied out of the log for one subscription before the next one has its turn. */
const PIECE_BYTES = 64 * 1024;

export class CatchUp {
  readonly #shared: ChannelLog;
  readonly #history: History;
  readonly #fanOut: FanOut;
  readonly #maxBacklog: number;
  /** Subscriptions whose clients can be sent more, the one that waits longest first. */
  readonly #ready = new Set<Subscription>();
  #isScheduled = false;

  constructor(shared: ChannelLog, history: History, fanOut: FanOut, maxBackpressure: number) {
    this.#shared = shared;
    this.#history = history;
    this.#fanOut = fanOut;
    this.#maxBacklog = maxBackpressure * BACKLOG_SHARE;
  }

  /** Begins when the present callback is over, so that what user code sends right after `subscribe` comes first. */
  start(subscription: Subscription, { trail, epoch, sequence, tail }: Found, pack: MessagePack): void {
    subscription.state = 'catching-up';
    subscription.missed = { pack, trail, epoch, sequence };
    subscription.joinAt = tail;
    this.resume(subscription);
  }

  /** Sends on until the client's backlog is too long, or it has caught up. Called again when the backlog has gone. */
  resume(subscription: Subscription): void {
    this.#ready.add(subscription);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#sendOn();
    });
  }

  /** Goes round the subscriptions, a piece of what each one missed at a time, while the turn's budget lasts. */
  #sendOn(): void {
    let spent = 0;
    for (const subscription of this.#ready) {
      if (spent >= TURN_BUDGET) {
        this.resume(subscription);
        return;
      }
      this.#ready.delete(subscription);
      subscription.connection.corked(() => {
        spent += this.#sendPiece(subscription);
      });
    }
  }

  /** Sends what is copied, then copies more, or joins when that was all. Gives what it cost. */
  #sendPiece(subscription: Subscription): number {
    const { connection, missed } = subscription;
    if (missed === undefined) return 0;
    const { pack, trail } = missed;
    let cost = 1;
    for (let next = pack.peek(); next !== undefined; next = pack.peek()) {
      if (connection.bufferedAmount > this.#maxBacklog) return cost;
      this.#send(connection, next);
      cost += 1 + next.data.length / BYTES_PER_COST;
      pack.shift();
    }
    pack.clear();
    // Sending may have ended the connection.
    if (subscription.state !== 'catching-up') return cost;
    if (trail.length === 0) this.#rejoin(subscription, missed);
    else if (this.#history.pack(trail, pack, PIECE_BYTES) > 0) this.#fail(subscription);
    else this.resume(subscription);
    return cost;
  }

  #send(connection: ServerWebSocket, { data, flags, connection: publisher }: PackedMessage): void {
    const isOwn = threadIn(flags) === this.#shared.thread && publisher === connection.number;
    if (isOwn) return;
    connection.send(data, { binary: (flags & BINARY) !== 0, compress: (flags & COMPRESS) !== 0 });
  }

  /** Joins where the missed messages ended, or, when the loop has passed that point while the client read, looks for more. */
  #rejoin(subscription: Subscription, missed: Missed): void {
    if (this.#fanOut.isAhead(subscription.joinAt)) {
      subscription.missed = undefined;
      subscription.sequence = missed.sequence;
      this.#fanOut.join(subscription);
      return;
    }
    const found = this.#history.find(subscription.channel.name, missed, Number.POSITIVE_INFINITY);
    if (found.complete) this.start(subscription, found, missed.pack);
    else this.#fail(subscription);
  }

  /** The log went on faster than the client reads. It is told by the close, and that history is incomplete when it returns. */
  #fail(subscription: Subscription): void {
    subscription.connection.close(CloseCode.tryAgainLater, 'too slow to catch up');
  }
}
