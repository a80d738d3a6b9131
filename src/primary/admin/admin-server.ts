/** The admin server: health, metrics, the live page, and what operators may have done. In the primary, on a port of its own. */
import { once } from 'node:events';
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { PrometheusText } from '../../metrics/prometheus.ts';
import { readPage } from '../../page-files.ts';
import { type ActionTarget, act, isAction } from './actions.ts';
import { answerJson, answerText } from './answers.ts';
import { EventStream } from './event-stream.ts';
import { type Denial, Guard } from './guard.ts';
import type { ServerStatus } from './status.ts';

/** Connections at a time; who operates a server needs few. */
const MAX_CONNECTIONS = 256;
/** What a client may take for the head of a request, and for all of it; how often that is looked at. */
const TIMEOUTS = { headersTimeout: 5000, requestTimeout: 60_000, connectionsCheckingInterval: 1000 };
/** A client that does not take its answer is dropped when nothing has moved for this long. */
const STUCK_MS = 60_000;
const PAGE = readPage(new URL('./page/', import.meta.url));
const OK = 200;
const UNAVAILABLE = 503;

export interface Administered extends ActionTarget {
  status(): ServerStatus;
}

export class AdminServer {
  readonly #http: HttpServer;
  readonly #server: Administered;
  readonly #metrics: PrometheusText;
  readonly #events: EventStream;
  /** Connections with a request that is not answered yet. */
  readonly #busy = new WeakSet<Socket>();
  /** What can be read, by path. */
  readonly #readings: ReadonlyMap<string, (res: ServerResponse) => void | Promise<void>>;

  constructor(server: Administered) {
    this.#server = server;
    this.#metrics = new PrometheusText(() => server.status());
    this.#events = new EventStream(() => server.status());
    this.#http = createServer(TIMEOUTS);
    this.#http.maxConnections = MAX_CONNECTIONS;
    this.#http.timeout = STUCK_MS;
    const files = [...PAGE].map(
      ([path, { body, headers }]) =>
        [path, (res: ServerResponse) => answerText(res, OK, body, headers)] as const,
    );
    this.#readings = new Map([
      ...files,
      ['/healthz', (res) => answerText(res, OK, 'ok\n')],
      ['/readyz', (res) => this.#tellReadiness(res)],
      ['/metrics', (res) => this.#tellMetrics(res)],
      ['/api/loops', (res) => answerJson(res, OK, server.status())],
      ['/api/events', (res) => this.#events.add(res)],
    ]);
  }

  /** Listens; returns the port. Throws what Node does when the address cannot be had. */
  async listen(host: string, port: number, token: string | null): Promise<number> {
    this.#http.listen({ port, exclusive: true, ...(host === '' ? {} : { host }) });
    await once(this.#http, 'listening');
    // A connection that could not be accepted, for want of a file descriptor, is that client's loss only.
    this.#http.on('error', () => {});
    const { address, port: actual } = this.#http.address() as AddressInfo;
    const guard = new Guard(token, address);
    this.#http.on('request', (req, res) => void this.#answer(req, res, guard));
    return actual;
  }

  /** Answers no more, and drops who still waits. */
  close(): void {
    this.#events.close();
    this.#http.close();
    this.#http.closeAllConnections();
  }

  async #answer(req: IncomingMessage, res: ServerResponse, guard: Guard): Promise<void> {
    const { socket } = req;
    // Nobody who operates a server sends a second request before the first is answered, and answers that wait take memory.
    if (this.#busy.has(socket)) {
      socket.destroy();
      return;
    }
    this.#busy.add(socket);
    res.once('close', () => this.#busy.delete(socket));
    try {
      await this.#route(req, res, guard);
    } catch (error) {
      if (!res.headersSent) answerJson(res, 500, { error: String((error as Error).message) });
      else res.destroy();
    }
  }

  async #route(req: IncomingMessage, res: ServerResponse, guard: Guard): Promise<void> {
    const path = (req.url ?? '/').replace(/\?.*$/s, '');
    const denied = guard.denyReading(req);
    const tell = this.#readings.get(path);
    if (denied !== null) answerDenial(res, denied);
    else if (isAction(path)) await this.#change(path, req, res, guard);
    else if (tell === undefined) answerJson(res, 404, { error: 'there is nothing here' });
    else if (req.method === 'GET' || req.method === 'HEAD') await tell(res);
    else answerMethod(res, 'GET, HEAD');
  }

  async #change(path: string, req: IncomingMessage, res: ServerResponse, guard: Guard): Promise<void> {
    const denied = guard.denyChange(req);
    const { state, detail } = this.#server.status();
    if (req.method !== 'POST') answerMethod(res, 'POST');
    else if (denied !== null) answerDenial(res, denied);
    // Its loops are being made, or on their way out.
    else if (state === 'starting' || state === 'draining') answerJson(res, UNAVAILABLE, { error: detail });
    else {
      // A reload takes its time.
      req.socket.setTimeout(0);
      const { status, body } = await act(path, req, this.#server);
      answerJson(res, status, body);
    }
  }

  #tellReadiness(res: ServerResponse): void {
    const { state, detail } = this.#server.status();
    const isReady = state === 'ready' || state === 'degraded';
    answerText(res, isReady ? OK : UNAVAILABLE, detail === null ? `${state}\n` : `${state}: ${detail}\n`);
  }

  async #tellMetrics(res: ServerResponse): Promise<void> {
    const text = await this.#metrics.scrape();
    answerText(res, OK, text, { 'content-type': this.#metrics.contentType });
  }
}

function answerDenial(res: ServerResponse, { status, error }: Denial): void {
  answerJson(res, status, { error }, status === 401 ? { 'www-authenticate': 'Bearer' } : {});
}

function answerMethod(res: ServerResponse, allow: string): void {
  answerJson(res, 405, { error: `this takes ${allow}` }, { allow });
}
