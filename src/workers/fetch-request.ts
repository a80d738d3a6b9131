import type { HttpResponse } from '../uws.ts';
import type { RequestHead } from './request-head.ts';

/** Body bytes that may wait for the handler before the client is told to slow down. */
const BODY_HIGH_WATER_BYTES = 256 * 1024;
/** Body bytes kept beyond that while the client reads no answer (see `bodyStream`); with more, the exchange is dropped. */
const BODY_KEPT_BYTES = 16 * 1024 * 1024;

/** What would end the host within a URL (RFC 3986 section 3.2). */
const NOT_IN_HOST = /[\s/?#\\@]/;

const WITHOUT_BODY = new Set(['GET', 'HEAD']);

/** The life of one HTTP exchange, shared by its request body and its response. */
export class Exchange {
  readonly res: HttpResponse;
  readonly #abort = new AbortController();
  /** The client has left, or the answer is about to be completed: `res` is not for anybody else. */
  isOver = false;
  /** The client has left: `res` is dead. */
  isAborted = false;
  /** A part of the answer waits until the socket has room. */
  isSending = false;
  #onOver: (() => void)[] = [];

  constructor(res: HttpResponse) {
    this.res = res;
    res.onAborted(() => {
      this.isAborted = true;
      // First the signal, so that whoever hears that it is over finds the reason there.
      this.#abort.abort(new DOMException('the client closed the connection', 'AbortError'));
      this.over();
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  onOver(callback: () => void): void {
    if (this.isOver) callback();
    else this.#onOver.push(callback);
  }

  /** Ends the exchange and its connection: the client sends on and on and does not read. */
  drop(): void {
    if (!this.isOver) this.res.close();
  }

  over(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const callback of this.#onOver) callback();
    this.#onOver = [];
  }
}

/** A standard `Request` with a streamed body. Throws when the client's Host header or target makes no URL. */
export function toRequest(head: RequestHead, exchange: Exchange, scheme: 'http' | 'https'): Request {
  const host = head.header('host') || 'localhost';
  if (NOT_IN_HOST.test(host)) throw new TypeError('the Host header is not a host');
  const url = `${scheme}://${host}${head.url}`;
  const init: RequestInit & { duplex?: 'half' } = {
    method: head.method,
    headers: head.headers,
    signal: exchange.signal,
  };
  const hasBody = head.count('transfer-encoding') > 0 || Number(head.header('content-length')) > 0;
  if (hasBody && !WITHOUT_BODY.has(head.method)) {
    init.body = bodyStream(exchange);
    init.duplex = 'half';
  }
  return new Request(url, init);
}

/**
 * The request body as it arrives. A reader that falls behind pauses the socket, but for one case: while an answer waits to be
 * sent. A socket that is paused then is not told when there is room again, and a write that does not fit ends the pause
 * (docs/platform-limits.md); so the body is kept, up to a limit.
 */
function bodyStream(exchange: Exchange): ReadableStream<Uint8Array> {
  const { res } = exchange;
  let isPaused = false;
  let isDone = false;
  const resume = (): void => {
    if (isPaused && !exchange.isAborted) res.resume();
    isPaused = false;
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        res.onData((chunk, isLast) => {
          if (isDone) return;
          // uWebSockets.js takes the chunk back when this returns.
          if (chunk.byteLength > 0) controller.enqueue(new Uint8Array(chunk.slice(0)));
          const room = controller.desiredSize ?? 0;
          if (isLast) {
            isDone = true;
            controller.close();
          } else if (room < -BODY_KEPT_BYTES) {
            exchange.drop();
          } else if (room <= 0 && !exchange.isSending) {
            isPaused = true;
            res.pause();
          }
        });
        exchange.onOver(() => {
          // A connection that is kept for the next request must not stay paused.
          resume();
          if (isDone) return;
          isDone = true;
          controller.error(new DOMException('the request is over', 'AbortError'));
        });
      },
      pull: resume,
      cancel() {
        isDone = true;
        resume();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: BODY_HIGH_WATER_BYTES }),
  );
}
