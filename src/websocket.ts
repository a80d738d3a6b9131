/** The WebSocket interface, and what both ends of a connection share. */
import type { ChannelPosition } from './shared/channel-log.ts';
import type { PublishResult } from './shared/publisher.ts';

/** One message: a string, or bytes in any buffer or view, shared memory included. */
export type MessageData = string | ArrayBufferLike | ArrayBufferView;

/** How a message is sent or published. */
export interface SendOptions {
  /** Send a binary frame. Default: true for bytes, false for a string. `false` sends UTF-8 bytes as text, undecoded. */
  readonly binary?: boolean;
  /** Compress when permessage-deflate was negotiated. Default: true. */
  readonly compress?: boolean;
}

/**
 * `sent`: handed to the operating system. `buffered`: kept, will be sent when the peer reads; watch `onDrain`.
 * `dropped`: not sent, because more than `maxBackpressure` bytes wait already. `closed`: the connection is closed.
 */
export type SendOutcome = 'sent' | 'buffered' | 'dropped' | 'closed';

/** How a connection ended. */
export interface CloseEvent {
  /** RFC 6455 section 7.4: 1005 when the peer gave none, 1006 when the connection was lost without a close frame. */
  readonly code: number;
  /** The close reason, or for 1006 the cause where it is known: `Received too big message`. */
  readonly reason: string;
  /** False when the connection just ended, without a close frame; for a client also without an answer to its own. */
  readonly wasClean: boolean;
}

/** What of a channel's history is asked for. */
export interface HistoryOptions {
  /** Only messages behind this position; default: the newest. */
  readonly after?: ChannelPosition | undefined;
  /** Most messages to give. Default: 100. */
  readonly limit?: number | undefined;
}

/** Where a subscription begins. */
export interface SubscribeOptions {
  /**
   * Where the client stopped: it is sent what came behind, then what comes. It may be what a client sent, unchecked: a position
   * that means nothing here makes `complete` false, and then all that the log holds is sent.
   */
  readonly after?: ChannelPosition | undefined;
  /** With `after`: most messages to send of those that were missed, the newest. More were missed: `complete` is false. */
  readonly limit?: number | undefined;
}

/** Where a subscription begins, and what it is sent before that. */
export interface SubscribePosition extends ChannelPosition {
  /** Messages that are sent before those to come; 0 without `after`. */
  readonly missed: number;
  /** Whether nothing is left out between `after` and what is sent; true without `after`. */
  readonly complete: boolean;
}

/**
 * Where the channel stood at that moment. The last `missed` messages up to `sequence` are sent first, when the present callback is
 * over; those behind `sequence` are delivered as they come. `complete` is false when a message between `after` and the first
 * one sent is no longer held. So a client that counts knows the sequence of every message it gets.
 */
export type SubscribeResult =
  | ({
      /** The connection is subscribed. */
      readonly ok: true;
      /**
       * Only with a backplane that orders channels over all nodes, and when it has to be asked: resolves when it has answered, with where the
       * subscription begins; what is sent comes after that. Until then `epoch` is '', and the rest says nothing. Never rejects. When the
       * subscription ends before, `epoch` stays ''.
       */
      readonly settled?: Promise<SubscribePosition>;
    } & SubscribePosition)
  | {
      /** It is not; nothing has changed. */
      readonly ok: false;
      /** Why not. */
      readonly reason: SubscribeRefusal;
    };

/**
 * `closed`: the connection is. `invalid-channel`: the name is empty or longer than 255 bytes, or has a lone surrogate. `too-many-subscriptions`: this
 * connection has `maxChannelsPerConnection`. `too-many-channels`: `maxChannels` have subscribers.
 */
export type SubscribeRefusal = 'closed' | 'invalid-channel' | 'too-many-subscriptions' | 'too-many-channels';

/** What a callback may return: anything. A promise is not waited for, but one that rejects counts as a throw. */
export type CallbackResult = unknown;

/**
 * One connection, as both its ends see it. Every member may be used at any time, also after the connection is closed.
 * A callback that throws, or whose promise rejects, closes this connection with 1011; the server logs and counts it, the client hands
 * it to `onError`. One callback of each kind: setting again replaces.
 */
export interface WebSocket<Data = unknown> {
  /** Random, unique; for logs. */
  readonly id: string;
  /** The user's own; undefined until set. */
  data: Data;
  /** The subprotocol that was selected, or ''. */
  readonly protocol: string;
  /** A close frame has been sent or received, or the connection was lost. */
  readonly isClosed: boolean;
  /** Bytes that wait in user space for the peer to read; 0 after close. */
  readonly bufferedAmount: number;
  /** Messages, sent or published, that this peer did not get because it reads too slowly; see `maxBackpressure`. */
  readonly droppedMessages: number;
  /** Resolves once, when the connection is closed; never rejects. */
  readonly onClose: Promise<CloseEvent>;

  /** Sends one message. Never throws for a closed connection. */
  send(data: MessageData, options?: SendOptions): SendOutcome;
  /** Text messages, decoded. */
  onText(callback: (ws: this, text: string) => CallbackResult): void;
  /** Binary messages, as a copy that the callback may keep. */
  onBinary(callback: (ws: this, bytes: Uint8Array<ArrayBuffer>) => CallbackResult): void;
  /** Every message without copy or decoding, instead of `onText` and `onBinary`. The buffer is valid during the call only. */
  onMessage(callback: (ws: this, message: ArrayBuffer, isBinary: boolean) => CallbackResult): void;
  /** A ping arrived; its pong has been sent already. */
  onPing(callback: (ws: this, payload: Uint8Array<ArrayBuffer>) => CallbackResult): void;
  /** A pong arrived, whether it answers a ping or not. */
  onPong(callback: (ws: this, payload: Uint8Array<ArrayBuffer>) => CallbackResult): void;
  /** Everything that was buffered has been handed to the operating system. */
  onDrain(callback: (ws: this) => CallbackResult): void;
  /** Sends a ping. Throws `RangeError` over 125 bytes. */
  ping(payload?: MessageData): SendOutcome;
  /** Starts the close handshake. Throws `RangeError` for a code that may not be sent, or a reason over 123 bytes. */
  close(code?: number, reason?: string): void;
  /** Drops the connection without a handshake; the peer sees 1006. */
  terminate(): void;
}

/** One connection on the loop that owns it. */
export interface ServerWebSocket<Data = unknown> extends WebSocket<Data> {
  /** IP address of the client in text form; behind a proxy as `trustProxy` says. */
  readonly remoteAddress: string;
  /** The loop that owns the connection. */
  readonly loopId: number;
  /** That of its handshake, see `UpgradeRequest`. */
  readonly traceparent: string | null;

  /**
   * Subscribes to a channel: every message that is published from here on, on any loop, is sent to this connection, in the
   * channel's order. Subscribing again changes nothing, except with `after`: then the subscription starts over from there.
   */
  subscribe(channel: string, options?: SubscribeOptions): SubscribeResult;
  /** Ends a subscription. False when there was none. */
  unsubscribe(channel: string): boolean;
  /** Whether this connection is subscribed to a channel. */
  isSubscribed(channel: string): boolean;
  /** Names of the channels this connection is subscribed to. */
  readonly channels: readonly string[];
  /** Publishes to a channel like `loop.publish`, but not to this connection. It need not be subscribed. */
  publish(channel: string, data: MessageData, options?: SendOptions): PublishResult;
  /**
   * Messages of other nodes did not come to this one, and will not. Called for each channel that the connection is subscribed to, behind
   * the messages that were published before them. Never without a backplane.
   */
  onMissed(callback: (ws: this, missed: MissedMessages) => CallbackResult): void;
}

/** Messages of a channel that were lost between nodes. */
export interface MissedMessages {
  /** The channel's name. */
  readonly channel: string;
  /** How many; null when that cannot be known, because the node that published them is gone, or the engine has lost them. */
  readonly count: number | null;
  /** The channel's sequence behind them: the next message has the number after it. */
  readonly sequence: number;
  /** The epoch that this is a sequence of. It is another one than before when the engine has lost what it knew of the channel. */
  readonly epoch: string;
}

/**
 * Message data as text or as bytes, not copied. Throws `TypeError` for anything else.
 */
export function toTextOrBytes(data: MessageData): string | Uint8Array {
  if (typeof data === 'string') return data;
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (typeof data?.byteLength === 'number') return new Uint8Array(data);
  throw new TypeError(`message data must be a string or bytes, not ${data === null ? 'null' : typeof data}`);
}

/** Largest payload of a control frame (RFC 6455 section 5.5), and of a close reason after its two bytes of code. */
export const MAX_CONTROL_PAYLOAD_BYTES = 125;
export const MAX_CLOSE_REASON_BYTES = MAX_CONTROL_PAYLOAD_BYTES - 2;

/** Codes that this package sends by itself. */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  policyViolation: 1008,
  internalError: 1011,
  serviceRestart: 1012,
  tryAgainLater: 1013,
} as const;

/** RFC 6455 section 7.4 and the IANA registry: what may appear in a close frame. */
export function assertCloseFrame(code: number, reason: string): void {
  const isProtocolCode = code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
  const isOwnCode = code >= 3000 && code <= 4999;
  if (!Number.isInteger(code) || !(isProtocolCode || isOwnCode)) {
    throw new RangeError(
      `close code ${code} may not be sent; give 1000 to 1003, 1007 to 1014, or 3000 to 4999`,
    );
  }
  const reasonBytes = Buffer.byteLength(reason);
  if (reasonBytes > MAX_CLOSE_REASON_BYTES) {
    throw new RangeError(
      `close reason has ${reasonBytes} bytes; at most ${MAX_CLOSE_REASON_BYTES} fit in a frame`,
    );
  }
}
