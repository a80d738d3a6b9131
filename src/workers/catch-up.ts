/** Sends a subscription what it missed, as fast as its client reads, and lets it join the others when it has caught up. */
import type { ChannelLog } from '../shared/channel-log.ts';
import type { Found, History, StoredMessage } from '../shared/history.ts';
import { CloseCode } from '../websocket.ts';
import type { FanOut } from './fan-out.ts';
import type { Subscription } from './subscription.ts';

/** Share of `maxBackpressure` that may wait for the client before the next messages are copied out of the log. */
const BACKLOG_SHARE = 1 / 2;

export class CatchUp {
  readonly #shared: ChannelLog;
  readonly #history: History;
  readonly #fanOut: FanOut;
  readonly #maxBacklog: number;

  constructor(shared: ChannelLog, history: History, fanOut: FanOut, maxBackpressure: number) {
    this.#shared = shared;
    this.#history = history;
    this.#fanOut = fanOut;
    this.#maxBacklog = maxBackpressure * BACKLOG_SHARE;
  }

  /** Begins when the present callback is over, so that what user code sends right after `subscribe` comes first. */
  start(subscription: Subscription, found: Found, messages: StoredMessage[]): void {
    subscription.state = 'catching-up';
    this.#setMissed(subscription, found, messages);
    queueMicrotask(() => this.resume(subscription));
  }

  /** Sends on until the client's backlog is too long, or it has caught up. Called again when the backlog has gone. */
  resume(subscription: Subscription): void {
    if (subscription.state !== 'catching-up') return;
    subscription.connection.corked(() => {
      while (subscription.state === 'catching-up' && this.#trySendMissed(subscription))
        this.#rejoin(subscription);
    });
  }

  /** True when all that is known to be missed has been sent. */
  #trySendMissed(subscription: Subscription): boolean {
    const { connection, missed } = subscription;
    while (missed !== undefined && subscription.state === 'catching-up') {
      for (let next = missed.messages[0]; next !== undefined; next = missed.messages[0]) {
        if (connection.bufferedAmount > this.#maxBacklog) return false;
        const isOwn = next.thread === this.#shared.thread && next.connection === connection.number;
        if (!isOwn) connection.send(next.data, { binary: next.isBinary, compress: next.compress });
        missed.messages.shift();
      }
      if (missed.positions.length === 0) return true;
      const { messages, lost } = this.#history.take(missed.positions);
      if (lost > 0) this.#fail(subscription);
      else missed.messages = messages;
    }
    return false;
  }

  /** Joins where the missed messages ended, or, when the loop has passed that point while the client read, looks for more. */
  #rejoin(subscription: Subscription): void {
    const { missed, channel } = subscription;
    if (missed === undefined) return;
    if (this.#fanOut.isAhead(subscription.joinAt)) {
      subscription.missed = undefined;
      this.#fanOut.join(subscription);
      return;
    }
    const found = this.#history.find(channel.name, missed, Number.POSITIVE_INFINITY);
    if (found.complete) this.#setMissed(subscription, found, []);
    else this.#fail(subscription);
  }

  #setMissed(subscription: Subscription, found: Found, messages: StoredMessage[]): void {
    const { positions, epoch, sequence, tail } = found;
    subscription.missed = { messages, positions, epoch, sequence };
    subscription.joinAt = tail;
  }

  /** The log went on faster than the client reads. It is told by the close, and that history is incomplete when it returns. */
  #fail(subscription: Subscription): void {
    subscription.connection.close(CloseCode.tryAgainLater, 'too slow to catch up');
  }
}
