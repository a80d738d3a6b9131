/** Plain HTTP: a fetch-style handler behind uWebSockets.js. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { FetchHandler } from '../app.ts';
import type { CounterName } from '../shared/layout.ts';
import type { HttpResponse } from '../uws.ts';
import { Exchange, toRequest } from './fetch-request.ts';
import { sendResponse } from './fetch-response.ts';
import { answer } from './http-answer.ts';
import { isLast } from './last-request.ts';
import { logError } from './loop-log.ts';
import type { RequestHead } from './request-head.ts';

export class HttpRequests {
  handler: FetchHandler | undefined;
  readonly #scheme: 'http' | 'https';
  readonly #totals: Record<CounterName, number>;
  readonly #log: Logger;
  readonly #underWay = new Set<Exchange>();
  #isDraining = false;
  #onIdle: (() => void) | undefined;

  /** `scheme` is that of the URLs in requests: how clients reach this server, as far as it knows. */
  constructor(scheme: 'http' | 'https', totals: Record<CounterName, number>, log: Logger) {
    this.#scheme = scheme;
    this.#totals = totals;
    this.#log = log;
  }

  handle(res: HttpResponse, head: RequestHead): void {
    this.#totals.httpRequests++;
    if (this.#isDraining) {
      answer(res, 503, 'shutting down', [['retry-after', '1']], true);
      return;
    }
    // Two lengths for one body are a smuggling attempt (RFC 9112 section 6.3); uWebSockets.js lets them pass.
    const lengths = head.count('content-length');
    if (lengths > 1 || (lengths === 1 && head.count('transfer-encoding') > 0)) {
      answer(res, 400, 'the length of the body is ambiguous', [], true);
      return;
    }
    if (this.handler === undefined) {
      answer(res, 404, 'not found');
      return;
    }
    const exchange = new Exchange(res);
    this.#underWay.add(exchange);
    exchange.onOver(() => {
      this.#underWay.delete(exchange);
      if (this.#underWay.size === 0) this.#onIdle?.();
    });
    let request: Request;
    try {
      request = toRequest(head, exchange, this.#scheme);
    } catch {
      exchange.over();
      answer(res, 400, 'the request target is not valid', [], true);
      return;
    }
    this.#run(this.handler, exchange, request, head).catch((error: unknown) =>
      this.#failed(exchange, error, head),
    );
  }

  /** Refuses new requests; resolves when those under way are over. Null when there are none. */
  drain(): Promise<void> | null {
    this.#isDraining = true;
    if (this.#underWay.size === 0) return null;
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  async #run(handler: FetchHandler, exchange: Exchange, request: Request, head: RequestHead): Promise<void> {
    const response = await handler(request);
    if (!isResponse(response))
      throw new TypeError(`the fetch handler returned ${String(response)}, not a Response`);
    // What has been awaited so far may all have happened within this turn.
    if (isLast(exchange.res)) await turn();
    if (exchange.isOver) await response.body?.cancel();
    else await sendResponse(exchange, response, head.method);
  }

  #failed(exchange: Exchange, error: unknown, head: RequestHead): void {
    const hasLeft = exchange.signal.aborted;
    if (hasLeft && (error as { name?: unknown } | null)?.name === 'AbortError') return;
    this.#totals.handlerErrors++;
    logError(this.#log, { method: head.method, path: head.path }, error, 'fetch handler failed');
    if (exchange.isOver) return;
    exchange.over();
    answer(exchange.res, 500, 'internal error');
  }
}

/** By shape: a `Response` may come from another copy of undici than the global one. */
const isResponse = (value: unknown): value is Response =>
  typeof (value as Response | null)?.status === 'number' &&
  typeof (value as Response).headers?.get === 'function';
