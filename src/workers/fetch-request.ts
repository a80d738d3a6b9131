import type { HttpResponse } from '../uws.ts';
import type { RequestHead } from './request-head.ts';

/** Body bytes that may wait for the handler before the client is told to slow down. */
const BODY_HIGH_WATER_BYTES = 256 * 1024;

const WITHOUT_BODY = new Set(['GET', 'HEAD']);

/** The life of one HTTP exchange, shared by its request body and its response. */
export class Exchange {
  readonly res: HttpResponse;
  readonly #abort = new AbortController();
  /** The client has left, or the answer is about to be completed: `res` is not for anybody else. */
  isOver = false;
  /** The client has left: `res` is dead. */
  isAborted = false;
  #onOver: (() => void)[] = [];

  constructor(res: HttpResponse) {
    this.res = res;
    res.onAborted(() => {
      this.isAborted = true;
      this.over();
      this.#abort.abort(new DOMException('the client closed the connection', 'AbortError'));
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  onOver(callback: () => void): void {
    if (this.isOver) callback();
    else this.#onOver.push(callback);
  }

  over(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const callback of this.#onOver) callback();
    this.#onOver = [];
  }
}

/** A standard `Request` with a streamed body. Throws when the client's Host header or target makes no URL. */
export function toRequest(head: RequestHead, exchange: Exchange): Request {
  const url = new URL(head.url, `http://${head.header('host') || 'localhost'}`);
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

/** The request body as it arrives; a reader that falls behind pauses the socket. */
function bodyStream(exchange: Exchange): ReadableStream<Uint8Array> {
  const { res } = exchange;
  let isPaused = false;
  let isDone = false;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        res.onData((chunk, isLast) => {
          if (isDone) return;
          // uWebSockets.js takes the chunk back when this returns.
          if (chunk.byteLength > 0) controller.enqueue(new Uint8Array(chunk.slice(0)));
          if (isLast) {
            isDone = true;
            controller.close();
          } else if ((controller.desiredSize ?? 0) <= 0 && !isPaused) {
            isPaused = true;
            res.pause();
          }
        });
        exchange.onOver(() => {
          // A connection that is kept for the next request must not stay paused.
          if (isPaused && !exchange.isAborted) res.resume();
          if (isDone) return;
          isDone = true;
          controller.error(new DOMException('the request is over', 'AbortError'));
        });
      },
      pull() {
        if (!isPaused || exchange.isOver) return;
        isPaused = false;
        res.resume();
      },
      cancel() {
        isDone = true;
        if (isPaused && !exchange.isOver) res.resume();
        isPaused = false;
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: BODY_HIGH_WATER_BYTES }),
  );
}
