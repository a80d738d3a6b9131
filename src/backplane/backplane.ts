/**
 * What carries messages between nodes. A driver speaks to one kind of engine; everything else is the bridge's, which connects one
 * driver to the log.
 *
 * Delivery: what `publish` is given reaches every node that wants the channel and is connected, once, or is told of there by
 * `onMissed`. A driver never gives the same message twice, and never one before another that it must come behind.
 *
 * Order, by `order`. `node`: the messages of one node come in the order in which it published them; those of different nodes do not
 * compare, and a node never gets its own. `channel`: all messages of a channel come to all nodes in one order, also to the node that
 * published them. They have numbers without gaps: `onPlaced` says where a channel stands before anything else comes of it, and from there each
 * message, and each that is missed, is one further.
 *
 * Failure: no method throws or rejects for anything that the engine does. While it is away `publish` keeps messages, up to a bound, and
 * drops the oldest beyond it; whoever wanted these is told when the engine is back. What the engine sends may be anything.
 */

/** `connected`; `degraded`: it was, and is being tried again; `down`: it has never been, or is closed. */
export type BackplaneState = 'connected' | 'degraded' | 'down';

/** A message of this node, for all others. */
export interface Outgoing {
  readonly channel: string;
  readonly isBinary: boolean;
  readonly compress: boolean;
  /** The driver's from here on. */
  readonly data: Buffer;
  readonly sender: Sender;
}

/** Who does not get a message that comes back to the node that published it; opaque to drivers, two integers of 32 bits. */
export interface Sender {
  readonly thread: number;
  readonly connection: number;
}

export const NO_SENDER: Sender = { thread: 0, connection: 0 };

/** A message of another node, or with the order `channel` of this one. */
export interface Incoming {
  readonly channel: string;
  readonly isBinary: boolean;
  readonly compress: boolean;
  /** Valid during the call only. */
  readonly data: Uint8Array;
  /** Of a message of this node, what it was published with; else `NO_SENDER`. */
  readonly sender: Sender;
}

/** Where a channel stands whose numbers the engine gives. */
export interface Placed {
  readonly channel: string;
  /** An integer above 0 that no other life of the channel has had. Another one than before: what it had published then may be lost. */
  readonly life: number;
  /** Number of the last message; 0 before the first. */
  readonly sequence: number;
}

/** What the engine holds of a channel behind a sequence, up to the latest that was given by `onMessage`. */
export interface Replayed {
  readonly channel: string;
  readonly after: number;
  /** Oldest first, without gaps up to the latest. */
  readonly messages: readonly Incoming[];
}

/** Messages that will not come. */
export interface Missed {
  readonly channel: string;
  /** How many; null when that cannot be known, because the node that published them is gone. */
  readonly count: number | null;
}

export interface BackplaneEvents {
  onMessage(message: Incoming): void;
  /** In order with the messages: those given before were published before. */
  onMissed(missed: Missed): void;
  /** What another node has said of its subscribers; it need not be anything. */
  onCounts(node: string, counts: ReadonlyMap<string, number>): void;
  /** Order `channel` only: before the first message of a channel, and when its life is another one. */
  onPlaced(placed: Placed): void;
  /** Order `channel` only: the answer to `replay`. */
  onReplayed(replayed: Replayed): void;
  /** `reason`: why it is not connected, as far as that is known. */
  onState(state: BackplaneState, reason?: string): void;
}

/** Since the start. */
export interface BackplaneTotals {
  readonly sent: number;
  readonly received: number;
  /** Messages of this node that were dropped because too much waited. */
  readonly dropped: number;
  /** Messages of other nodes that did not come, as far as their number is known. */
  readonly missed: number;
  /** What came and was not what a node sends. */
  readonly refused: number;
  readonly reconnects: number;
}

export interface Backplane {
  readonly order: 'node' | 'channel';
  readonly state: BackplaneState;
  readonly totals: BackplaneTotals;
  /** Bytes of messages that wait for the engine. */
  readonly waitingBytes: number;
  /** The engine is there, and so much waits for it that it is better to publish later what can wait. */
  readonly isCongested: boolean;
  /** Sends a message to all nodes that want its channel. Takes effect in order. */
  publish(message: Outgoing): void;
  /** From here on messages of the channel are wanted. Not called again before `unwant`. */
  want(channel: string): void;
  unwant(channel: string): void;
  /**
   * Order `channel` only: asks for what the engine holds of a channel that is wanted behind a sequence. Answered, from there or from before, when the engine is there, behind all
   * messages that it holds at that moment; not at all when the channel is unwanted before.
   */
  replay(channel: string, after: number): void;
  /** Tells all nodes that this one is there, and how many subscribers some of its channels have. False when that cannot be done now. */
  tryAnnounce(counts: ReadonlyMap<string, number>): boolean;
  /** Sends what waits, as far as that goes within the time, and parts from the engine. */
  close(timeoutMs: number): Promise<void>;
}
