/** The WebSocket interface, and what both ends of a connection share. */

export type MessageData = string | ArrayBufferLike | ArrayBufferView;

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

export interface CloseEvent {
  /** RFC 6455 section 7.4: 1005 when the peer gave none, 1006 when the connection was lost without a close frame. */
  readonly code: number;
  /** The close reason, or for 1006 the cause where it is known: `Received too big message`. */
  readonly reason: string;
  /** True when a close frame was sent or received, false when the connection just ended. */
  readonly wasClean: boolean;
}

/** What a callback may return; a rejected promise counts as a throw. */
export type CallbackResult = void | Promise<void>;

/**
 * One connection. Every member may be used at any time, also after the connection is closed.
 * A callback that throws, or whose promise rejects, closes this connection with 1011 and is logged and counted.
 * One callback of each kind: setting again replaces.
 */
export interface WebSocket<Data = unknown> {
  /** Random, unique; for logs. */
  readonly id: string;
  /** The user's own; undefined until set. */
  data: Data;
  /** The subprotocol that was selected, or ''. */
  readonly protocol: string;
  /** IP address of the peer in text form. */
  readonly remoteAddress: string;
  /** The loop that owns the connection. */
  readonly loopId: number;
  /** A close frame has been sent or received, or the connection was lost. */
  readonly isClosed: boolean;
  /** Bytes that wait in user space for the peer to read; 0 after close. */
  readonly bufferedAmount: number;
  /** Resolves once, when the connection is closed; never rejects. */
  readonly onClose: Promise<CloseEvent>;

  /** Sends one message. Never throws for a closed connection. */
  send(data: MessageData, options?: SendOptions): SendOutcome;
  /** Text messages, decoded. */
  onText(callback: (ws: WebSocket<Data>, text: string) => CallbackResult): void;
  /** Binary messages, as a copy that the callback may keep. */
  onBinary(callback: (ws: WebSocket<Data>, bytes: Uint8Array<ArrayBuffer>) => CallbackResult): void;
  /** Every message without copy or decoding, instead of `onText` and `onBinary`. The buffer is valid during the call only. */
  onMessage(callback: (ws: WebSocket<Data>, message: ArrayBuffer, isBinary: boolean) => CallbackResult): void;
  /** A ping arrived; its pong has been sent already. */
  onPing(callback: (ws: WebSocket<Data>, payload: Uint8Array<ArrayBuffer>) => CallbackResult): void;
  onPong(callback: (ws: WebSocket<Data>, payload: Uint8Array<ArrayBuffer>) => CallbackResult): void;
  /** Everything that was buffered has been handed to the operating system. */
  onDrain(callback: (ws: WebSocket<Data>) => CallbackResult): void;
  /** Sends a ping. Throws `RangeError` over 125 bytes. */
  ping(payload?: MessageData): SendOutcome;
  /** Starts the close handshake. Throws `RangeError` for a code that may not be sent, or a reason over 123 bytes. */
  close(code?: number, reason?: string): void;
  /** Drops the connection without a handshake; the peer sees 1006. */
  terminate(): void;
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
