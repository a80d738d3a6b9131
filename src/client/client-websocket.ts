/** One connection as its client sees it: the `WebSocket` interface on top of a socket of the `ws` package. */
import { randomBytes } from 'node:crypto';
import type { RawData, WebSocket as Socket } from 'ws';
import {
  assertCloseFrame,
  type CallbackResult,
  CloseCode,
  type CloseEvent,
  MAX_CONTROL_PAYLOAD_BYTES,
  type MessageData,
  type SendOptions,
  type SendOutcome,
  toTextOrBytes,
  type WebSocket,
} from '../websocket.ts';
import { EarlyQueue } from './early-queue.ts';
import { guarded } from './guarded.ts';

const ID_BYTES = 9;
const OPEN = 1;
/** Pings get through when nothing else does, up to this. */
const PING_RESERVE_BYTES = 64 * 1024;

export interface ClientLimits {
  readonly maxPayload: number;
  readonly maxBackpressure: number;
  /** 0: no pings. */
  readonly pingIntervalMs: number;
  onError(error: unknown, callback: string): void;
}

export class ClientWebSocket<Data = unknown> implements WebSocket<Data> {
  readonly id = randomBytes(ID_BYTES).toString('base64url');
  data: Data = undefined as Data;
  readonly onClose: Promise<CloseEvent>;
  readonly #socket: Socket;
  readonly #limits: ClientLimits;
  readonly #early: EarlyQueue;
  #droppedMessages = 0;
  #hasBacklog = false;
  /** `close` or `terminate` was called: what still comes is for nobody. */
  #isLeaving = false;
  /** Why the connection ended without a close frame, where it is known. */
  #cause = '';
  #onText: ((ws: this, text: string) => CallbackResult) | undefined;
  #onBinary: ((ws: this, bytes: Uint8Array<ArrayBuffer>) => CallbackResult) | undefined;
  #onMessage: ((ws: this, message: ArrayBuffer, isBinary: boolean) => CallbackResult) | undefined;
  #onPing: ((ws: this, bytes: Uint8Array<ArrayBuffer>) => CallbackResult) | undefined;
  #onPong: ((ws: this, bytes: Uint8Array<ArrayBuffer>) => CallbackResult) | undefined;
  #onDrain: ((ws: this) => CallbackResult) | undefined;

  /** `socket` may still be connecting. */
  constructor(socket: Socket, limits: ClientLimits) {
    this.#socket = socket;
    this.#limits = limits;
    this.#early = new EarlyQueue(limits.maxPayload);
    socket.binaryType = 'nodebuffer';
    socket.on('message', (message: RawData, isBinary) => this.#received(message as Buffer, isBinary));
    socket.on('ping', (payload) => this.#controlled('onPing', this.#onPing, payload));
    socket.on('pong', (payload) => this.#controlled('onPong', this.#onPong, payload));
    socket.on('error', (error) => {
      this.#cause = error.message;
    });
    this.onClose = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        // What `ws` calls 1006 is a connection that ended, whoever ended it.
        const wasClean = code !== 1006;
        resolve({ code, reason: reason.toString() || (wasClean ? '' : this.#cause), wasClean });
      });
    });
    if (limits.pingIntervalMs > 0) socket.once('open', () => this.#keepAlive());
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get isClosed(): boolean {
    return this.#socket.readyState !== OPEN;
  }

  get bufferedAmount(): number {
    return this.isClosed ? 0 : this.#socket.bufferedAmount;
  }

  get droppedMessages(): number {
    return this.#droppedMessages;
  }

  // ── sending ──

  send(data: MessageData, { binary, compress = true }: SendOptions = {}): SendOutcome {
    if (this.isClosed) return 'closed';
    const message = toTextOrBytes(data);
    if (this.#socket.bufferedAmount > this.#limits.maxBackpressure) {
      this.#droppedMessages++;
      return 'dropped';
    }
    const isBinary = binary ?? typeof message !== 'string';
    this.#socket.send(this.#toKeep(message), { binary: isBinary, compress }, this.#written);
    return this.#outcome();
  }

  ping(payload: MessageData = ''): SendOutcome {
    const bytes = toTextOrBytes(payload);
    const length = Buffer.byteLength(bytes);
    if (length > MAX_CONTROL_PAYLOAD_BYTES) {
      throw new RangeError(
        `ping payload has ${length} bytes; at most ${MAX_CONTROL_PAYLOAD_BYTES} fit in a frame`,
      );
    }
    if (this.isClosed) return 'closed';
    if (this.#socket.bufferedAmount > this.#limits.maxBackpressure + PING_RESERVE_BYTES) return 'dropped';
    this.#socket.ping(this.#toKeep(bytes), undefined, this.#written);
    return this.#outcome();
  }

  close(code: number = CloseCode.normal, reason = ''): void {
    assertCloseFrame(code, reason);
    this.#isLeaving = true;
    this.#early.clear();
    // `ws` counts bytes of what it sends, so the reason goes out well-formed.
    if (!this.isClosed) this.#socket.close(code, reason.toWellFormed());
  }

  terminate(): void {
    this.#isLeaving = true;
    this.#early.clear();
    this.#socket.terminate();
  }

  /** What compression makes wait: a copy, because the caller may change its bytes meanwhile. */
  #toKeep(data: string | Uint8Array): string | Uint8Array {
    return typeof data === 'string' || this.#socket.extensions === '' ? data : new Uint8Array(data);
  }

  #outcome(): SendOutcome {
    if (this.#socket.bufferedAmount === 0) return 'sent';
    this.#hasBacklog = true;
    return 'buffered';
  }

  /** Some of what was sent has been handed to the operating system, or the connection is gone. */
  readonly #written = (): void => {
    if (!this.#hasBacklog || this.isClosed || this.#socket.bufferedAmount > 0) return;
    this.#hasBacklog = false;
    if (this.#onDrain) this.#call('onDrain', this.#onDrain, undefined);
  };

  // ── callbacks of the user ──

  onText(callback: (ws: this, text: string) => CallbackResult): void {
    this.#onText = callback;
    this.#deliverEarly();
  }

  onBinary(callback: (ws: this, bytes: Uint8Array<ArrayBuffer>) => CallbackResult): void {
    this.#onBinary = callback;
    this.#deliverEarly();
  }

  onMessage(callback: (ws: this, message: ArrayBuffer, isBinary: boolean) => CallbackResult): void {
    this.#onMessage = callback;
    this.#deliverEarly();
  }

  onPing(callback: (ws: this, bytes: Uint8Array<ArrayBuffer>) => CallbackResult): void {
    this.#onPing = callback;
  }

  onPong(callback: (ws: this, bytes: Uint8Array<ArrayBuffer>) => CallbackResult): void {
    this.#onPong = callback;
  }

  onDrain(callback: (ws: this) => CallbackResult): void {
    this.#onDrain = callback;
  }

  // ── dispatch ──

  #received(message: Buffer, isBinary: boolean): void {
    if (this.#isLeaving) return;
    if (this.#early.isOpen) this.#early.push(message, isBinary);
    else this.#dispatch(message, isBinary);
  }

  #controlled(
    name: string,
    callback: ((ws: this, bytes: Uint8Array<ArrayBuffer>) => CallbackResult) | undefined,
    payload: Buffer,
  ): void {
    if (!this.#isLeaving) this.#call(name, callback, copyOf(payload));
  }

  #deliverEarly(): void {
    this.#early.deliver((message, isBinary) => this.#dispatch(message, isBinary));
  }

  #dispatch(message: Buffer, isBinary: boolean): void {
    if (this.#onMessage !== undefined) {
      const onMessage = this.#onMessage;
      this.#call('onMessage', (ws) => onMessage(ws, bufferOf(message), isBinary), undefined);
    } else if (isBinary) this.#call('onBinary', this.#onBinary, copyOf(message));
    else this.#call('onText', this.#onText, message.toString());
  }

  /** A callback that throws, or whose promise rejects, closes the connection and hurts nobody else. */
  #call<Argument>(
    name: string,
    callback: ((ws: this, argument: Argument) => CallbackResult) | undefined,
    argument: Argument,
  ): void {
    if (callback === undefined) return;
    guarded(
      () => callback(this, argument),
      (error) => {
        this.#limits.onError(error, name);
        this.close(CloseCode.internalError, 'internal error');
      },
    );
  }

  /** Pings, and ends the connection when one is not answered before the next is due. */
  #keepAlive(): void {
    let isAnswered = true;
    this.#socket.on('pong', () => {
      isAnswered = true;
    });
    const timer = setInterval(() => {
      if (isAnswered) {
        isAnswered = false;
        this.ping();
        return;
      }
      this.#cause = 'the server does not answer pings';
      this.terminate();
    }, this.#limits.pingIntervalMs);
    void this.onClose.then(() => clearInterval(timer));
  }
}

/** Bytes of their own, which the callback may keep. */
const copyOf = (bytes: Buffer): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

/** The message alone, without a copy where it has a buffer for itself. */
function bufferOf({ buffer, byteOffset, byteLength }: Buffer): ArrayBuffer {
  const whole = buffer as ArrayBuffer;
  if (byteOffset === 0 && byteLength === whole.byteLength) return whole;
  return whole.slice(byteOffset, byteOffset + byteLength);
}
