/** A connection that comes back: when it is lost, the client connects again, until it is told not to. */
import { ConnectError, UpgradeRejectedError } from '../errors.ts';
import {
  type CallbackResult,
  CloseCode,
  type CloseEvent,
  type MessageData,
  type SendOptions,
  type SendOutcome,
  toTextOrBytes,
  type WebSocket,
} from '../websocket.ts';
import { Backoff, type BackoffOptions } from './backoff.ts';
import { type ConnectOptions, connect } from './connect.ts';
import { guarded } from './guarded.ts';
import { Outbox } from './outbox.ts';

const DEFAULT_MAX_QUEUE_BYTES = 1024 * 1024;
/** A connection that lasted this long counts as a success, and the next wait begins at the first one again. */
const STABLE_MS = 5000;
/** Closes that mean "do not come back": done, and all that would happen again. */
const FINAL_CODES: readonly number[] = [1000, 1002, 1003, 1007, 1008, 1009, 1010];
/** Statuses below 500 that mean "later". */
const LATER_STATUSES: readonly number[] = [408, 425, 429];
/** Failures that trying again does not mend. */
const FINAL_FAILURES: readonly string[] = ['CONNECT_INVALID', 'CONNECT_TLS', 'CONNECT_PROTOCOL'];

/** How to connect, and how to come back. */
export interface ConnectForeverOptions extends ConnectOptions {
  /** How long to wait before each attempt. */
  readonly backoff?: BackoffOptions | undefined;
  /** Most bytes of messages that wait while there is no connection; beyond that, `send` answers `dropped`. Default: 1 MiB. */
  readonly maxQueueBytes?: number | undefined;
  /** Close codes after which the client does not come back. Default: 1000, 1002, 1003, 1007, 1008, 1009 and 1010. */
  readonly finalCodes?: readonly number[] | undefined;
}

/**
 * What callbacks of a lasting connection are called with: the connection of that moment.
 * @inline
 */
type OnMessage<Argument> = (ws: WebSocket, argument: Argument) => CallbackResult;

/**
 * Connects, and connects again whenever the connection is lost: after 1001, 1006, 1011 to 1014 and codes of the application, and when
 * an attempt fails by network, time, 429 or 5xx. `Retry-After` is kept to. Returns at once; `send` waits in a queue until there is
 * a connection.
 */
export function connectForever(url: string | URL, options: ConnectForeverOptions = {}): LastingWebSocket {
  return new LastingWebSocket(url, options);
}

/** A connection that comes back, made by `connectForever`. Each callback may be set at any time; setting again replaces. */
export class LastingWebSocket {
  /** Resolves when the client does not come back any more: with the last close, or with 1006 and why there is no connection. */
  readonly onClose: Promise<CloseEvent>;
  readonly #url: string | URL;
  readonly #options: ConnectForeverOptions;
  readonly #backoff: Backoff;
  readonly #outbox: Outbox;
  /** Ends an attempt that is under way. */
  readonly #attempting = new AbortController();
  #resolveClosed: (event: CloseEvent) => void = () => {};
  #current: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #connections = 0;
  #isEnding = false;
  #isOver = false;
  #droppedMessages = 0;
  #onText: OnMessage<string> | undefined;
  #onBinary: OnMessage<Uint8Array<ArrayBuffer>> | undefined;
  #onConnect: ((ws: WebSocket) => CallbackResult) | undefined;
  #onReconnect: ((ws: WebSocket) => CallbackResult) | undefined;

  constructor(url: string | URL, options: ConnectForeverOptions) {
    this.#url = url;
    this.#options = options;
    this.#backoff = new Backoff(options.backoff);
    this.#outbox = new Outbox(options.maxQueueBytes ?? DEFAULT_MAX_QUEUE_BYTES);
    this.onClose = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    // After the callbacks have been set.
    this.#timer = setTimeout(() => void this.#attempt());
    if (options.signal?.aborted) this.#onAbort();
    else options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** There is a connection now. */
  get isConnected(): boolean {
    return this.#current !== undefined;
  }

  /** It has ended for good. */
  get isClosed(): boolean {
    return this.#isOver;
  }

  /** Bytes that wait, in the queue or for a server that reads slowly. */
  get bufferedAmount(): number {
    return this.#outbox.bytes + (this.#current?.bufferedAmount ?? 0);
  }

  /** Messages for which there was no room. */
  get droppedMessages(): number {
    return this.#droppedMessages + (this.#current?.droppedMessages ?? 0);
  }

  /**
   * Sends, or keeps the message until there is a connection (`buffered`). What was on its way when a connection was lost may be lost:
   * nobody knows how far it came.
   */
  send(data: MessageData, options: SendOptions = {}): SendOutcome {
    const message = toTextOrBytes(data);
    if (this.#isOver) return 'closed';
    const outcome = this.#current?.send(message, options) ?? 'closed';
    if (outcome !== 'closed') return outcome;
    if (this.#outbox.tryAdd(message, options)) return 'buffered';
    this.#droppedMessages++;
    return 'dropped';
  }

  /** Ends it for good. What waits is sent before, when there is a connection, and forgotten otherwise. */
  close(code: number = CloseCode.normal, reason = ''): void {
    if (this.#isOver) return;
    this.#isEnding = true;
    if (this.#current) {
      this.#current.close(code, reason);
      return;
    }
    this.#attempting.abort();
    this.#end({ code, reason, wasClean: true });
  }

  /** Text messages of every connection, decoded. */
  onText(callback: OnMessage<string>): void {
    this.#onText = callback;
    this.#current?.onText(callback);
  }

  /** Binary messages of every connection, as a copy that the callback may keep. */
  onBinary(callback: OnMessage<Uint8Array<ArrayBuffer>>): void {
    this.#onBinary = callback;
    this.#current?.onBinary(callback);
  }

  /** The first connection is there. What the callback sends comes before what was queued. */
  onConnect(callback: (ws: WebSocket) => CallbackResult): void {
    this.#onConnect = callback;
  }

  /** There is a connection again: the place to say where the client stopped. What it sends comes before what was queued. */
  onReconnect(callback: (ws: WebSocket) => CallbackResult): void {
    this.#onReconnect = callback;
  }

  // ── connecting ──

  async #attempt(): Promise<void> {
    let ws: WebSocket;
    try {
      ws = await connect(this.#url, { ...this.#options, signal: this.#attempting.signal });
    } catch (error) {
      this.#failed(error);
      return;
    }
    const openedMs = performance.now();
    this.#current = ws;
    this.#connections++;
    this.#opened(ws);
    const event = await ws.onClose;
    this.#current = undefined;
    this.#droppedMessages += ws.droppedMessages;
    if (performance.now() - openedMs >= STABLE_MS) this.#backoff.reset();
    const { finalCodes = FINAL_CODES } = this.#options;
    if (this.#isEnding || finalCodes.includes(event.code)) this.#end(event);
    else this.#later(this.#backoff.next());
  }

  #opened(ws: WebSocket): void {
    if (this.#onText) ws.onText(this.#onText);
    if (this.#onBinary) ws.onBinary(this.#onBinary);
    const callback = this.#connections === 1 ? this.#onConnect : this.#onReconnect;
    const name = this.#connections === 1 ? 'onConnect' : 'onReconnect';
    guarded(
      () => callback?.(ws),
      (error) => {
        this.#options.onError?.(error, name);
        ws.close(CloseCode.internalError, 'internal error');
      },
    );
    for (const { data, options } of this.#outbox.take()) this.send(data, options);
  }

  #failed(error: unknown): void {
    if (this.#isOver) return;
    const isFinal =
      (error instanceof UpgradeRejectedError &&
        error.status < 500 &&
        !LATER_STATUSES.includes(error.status)) ||
      (error instanceof ConnectError && FINAL_FAILURES.includes(error.code)) ||
      !(error instanceof UpgradeRejectedError || error instanceof ConnectError);
    if (isFinal) {
      this.#end({
        code: 1006,
        reason: error instanceof Error ? error.message : String(error),
        wasClean: false,
      });
      return;
    }
    const afterMs = error instanceof UpgradeRejectedError ? retryAfterMs(error.headers) : 0;
    this.#later(this.#backoff.next(afterMs));
  }

  #later(waitMs: number): void {
    this.#timer = setTimeout(() => void this.#attempt(), waitMs);
  }

  #end(event: CloseEvent): void {
    this.#isOver = true;
    this.#outbox.take();
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#resolveClosed(event);
  }

  readonly #onAbort = (): void => {
    this.close(CloseCode.goingAway, 'aborted');
  };
}

/** Seconds only, up to an hour: a date says more of the server's clock than of when to return. */
function retryAfterMs(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 3600) * 1000 : 0;
}
