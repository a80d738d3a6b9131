/** Who listens here: a channel as one loop knows it, and one connection's part in it. */
import type { ChannelPosition } from '../shared/channel-log.ts';
import type { Trail } from '../shared/history.ts';
import type { MessagePack } from '../shared/message-pack.ts';
import type { SubscribePosition } from '../websocket.ts';
import type { ServerWebSocket } from './server-websocket.ts';

/** A channel that has subscribers on this loop. */
export class LocalChannel {
  readonly name: string;
  /** The channel's entry in the channel table, which stays while there are subscribers. */
  readonly entry: number;
  /** Its name in this loop's uWebSockets.js app. */
  readonly topic: string;
  /** Connections of this loop that are subscribed. */
  subscribers = 0;
  /** Those of them that get messages by way of the topic. */
  readonly live = new Set<Subscription>();
  /** Number of the last message that this loop has read; before the first, of the last one that there was. */
  sequence: number;
  /** What that is a number of; 0 when it is not known yet. */
  life: number;

  constructor(name: string, entry: number, life: number, sequence: number) {
    this.name = name;
    this.entry = entry;
    this.life = life;
    this.sequence = sequence;
    this.topic = String(entry);
  }
}

/**
 * `waiting`: the engine must be asked first. `catching-up`: is sent what it missed. `joining`: its first message is one that this loop has not read yet. `live`: gets messages
 * as the loop reads them. `paused`: gets none until its client has read what waits. `over`: unsubscribed, or its connection is closed.
 */
export type SubscriptionState = 'waiting' | 'catching-up' | 'joining' | 'live' | 'paused' | 'over';

/** What was missed and not sent yet: copies, then what is still in the log. All of it comes before what follows on `sequence`. */
export interface Missed {
  readonly pack: MessagePack;
  readonly trail: Trail;
  readonly epoch: string;
  readonly sequence: number;
}

/** What the engine is asked for a subscription. */
export interface Question {
  readonly after: ChannelPosition | undefined;
  readonly limit: number;
  /** The sequence behind which it was asked for messages; null while it is only asked where the channel stands. */
  readonly askedBehind: number | null;
  readonly settled: Promise<SubscribePosition>;
  readonly settle: (position: SubscribePosition) => void;
}

/** One connection's subscription to one channel. */
export class Subscription {
  readonly connection: ServerWebSocket;
  readonly channel: LocalChannel;
  state: SubscriptionState = 'joining';
  /** Low 32 bits of the log position where it begins to be live. */
  joinAt = 0;
  /** Number of the last message before it begins to be live, or of the last one before it was paused. */
  sequence = 0;
  missed: Missed | undefined;
  question: Question | undefined;

  constructor(connection: ServerWebSocket, channel: LocalChannel) {
    this.connection = connection;
    this.channel = channel;
  }
}
