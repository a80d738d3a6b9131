/**
 * What happens to clients that read too slowly: what waits for each of them is bounded by `maxBackpressure`.
 *
 * uWebSockets.js has a limit too, but drops everything beyond it, control frames as well, and does not say how much. So its limit is
 * set higher, and the loop looks at the backlogs itself: of those that a channel's messages went to, whenever so much has been
 * published that one of them could be near the limit.
 */
import type { CounterName } from '../shared/layout.ts';
import { CloseCode } from '../websocket.ts';
import type { ServerWebSocket } from './server-websocket.ts';
import type { LocalChannel, Subscription } from './subscription.ts';

/** Shares of `maxBackpressure`: where published messages stop, where they go on again, and how much is published between two looks. */
const PAUSE_SHARE = 1 / 2;
const RESUME_SHARE = 1 / 4;
const LOOK_SHARE = 1 / 8;
const LEAST_LOOK_BYTES = 16 * 1024;

export type SlowConsumerPolicy = 'drop' | 'close';

export class SlowConsumers {
  /** Bytes that may be published to one connection before `check`. */
  readonly lookBytes: number;
  readonly #policy: SlowConsumerPolicy;
  readonly #maxBackpressure: number;
  readonly #totals: Record<CounterName, number>;

  constructor(policy: SlowConsumerPolicy, maxBackpressure: number, totals: Record<CounterName, number>) {
    this.#policy = policy;
    this.#maxBackpressure = maxBackpressure;
    this.#totals = totals;
    this.lookBytes = Math.max(maxBackpressure * LOOK_SHARE, LEAST_LOOK_BYTES);
  }

  /** Whether a message that is sent to the connection must be refused. */
  isOverLimit(bufferedBytes: number): boolean {
    return bufferedBytes > this.#maxBackpressure;
  }

  /** A message was refused. */
  refused(connection: ServerWebSocket): void {
    this.#count(connection, 1);
    if (this.#policy === 'close') this.#close(connection);
  }

  /** Looks at the backlogs of all that get messages of these channels. */
  check(channels: Iterable<LocalChannel>): void {
    for (const { live } of channels) {
      for (const { connection } of live) {
        if (connection.bufferedAmount <= this.#maxBackpressure * PAUSE_SHARE) continue;
        if (this.#policy === 'close') this.#close(connection);
        else pause(connection);
      }
    }
  }

  /** The backlog has become shorter: gives the subscriptions that can go on. What was published meanwhile is counted and skipped. */
  *resumable(connection: ServerWebSocket): Iterable<Subscription> {
    if (connection.bufferedAmount > this.#maxBackpressure * RESUME_SHARE) return;
    for (const subscription of connection.subscriptions.values()) {
      if (subscription.state !== 'paused') continue;
      // Another epoch may have begun meanwhile, of which nothing is counted.
      this.#count(connection, Math.max(0, subscription.channel.sequence - subscription.sequence));
      yield subscription;
    }
  }

  #count(connection: ServerWebSocket, messages: number): void {
    connection.countDropped(messages);
    this.#totals.messagesDropped += messages;
  }

  /** uWebSockets.js cuts the connection when the client has not read the rest, and this, within some seconds. */
  #close(connection: ServerWebSocket): void {
    if (connection.isClosing) return;
    this.#totals.slowConsumersClosed++;
    connection.close(CloseCode.tryAgainLater, 'too slow');
  }
}

/** No more published messages until the client has read some of what waits. */
function pause(connection: ServerWebSocket): void {
  for (const subscription of connection.subscriptions.values()) {
    if (subscription.state !== 'live') continue;
    subscription.state = 'paused';
    subscription.sequence = subscription.channel.sequence;
    subscription.channel.live.delete(subscription);
    connection.leaveTopic(subscription.channel.topic);
  }
}
