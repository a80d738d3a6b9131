/** The contract of user code: what an app module exports and what it is given. */
import type { Logger } from 'pino';
import type { OffloadArguments, Task } from './offload/tasks.ts';
import type { LoopSnapshot } from './shared/control-block.ts';
import type { HistoryResult } from './shared/history.ts';
import type { PublishResult } from './shared/publisher.ts';
import type { Shared } from './shared/shared.ts';
import type {
  CallbackResult,
  HistoryOptions,
  MessageData,
  SendOptions,
  ServerWebSocket,
} from './websocket.ts';

/** Names of the parameters in a path: `'/chat/:room'` has `room`; a trailing `*` is found under `'*'`. */
export type PathParams<Path extends string> = string extends Path
  ? Record<string, string>
  : Path extends `${infer Head}/${infer Tail}`
    ? PathParams<Head> & PathParams<Tail>
    : Path extends `:${infer Name}`
      ? { readonly [K in Name]: string }
      : Path extends '*'
        ? {
            /** What the trailing `*` matched, percent-decoded. */
            readonly '*': string;
          }
        : unknown;

/** A handshake as user code sees it. A copy: it stays valid after an `await` and after the connection is gone. */
export interface UpgradeRequest<Path extends string = string> {
  /** HTTP method: `GET`. */
  readonly method: string;
  /** Path and query as sent: `/chat/a%20b?token=x`. */
  readonly url: string;
  /** The path without the query, as sent. */
  readonly path: string;
  /** Path parameters, percent-decoded. */
  readonly params: PathParams<Path>;
  /** The query, decoded; empty when there is none. */
  readonly query: URLSearchParams;
  /** All headers; values of one that was sent more than once are joined with `, `. */
  readonly headers: Headers;
  /** IP address of the peer in text form: `192.0.2.1`, `2001:db8::1`. */
  readonly remoteAddress: string;
  /**
   * The W3C Trace Context of this handshake, to hand on to what is called because of it: of its own span when the app module has an
   * OpenTelemetry SDK, else the client's header; null when there is none, or it is not valid.
   */
  readonly traceparent: string | null;
  /** Subprotocols the client offers, in its order of preference; empty when it offers none. */
  readonly protocols: readonly string[];
}

/** What the `Headers` constructor takes: a record, pairs, or `Headers`. */
export type HeadersInit = NonNullable<ConstructorParameters<typeof Headers>[0]>;

/** Refuses a handshake with this answer. */
export interface UpgradeRejection {
  /** HTTP status, 300 to 599. */
  readonly status: number;
  /** Headers of the answer. Default: none. */
  readonly headers?: HeadersInit;
  /** Sent as UTF-8 text. Default: the status in words: `403 Forbidden`. */
  readonly body?: string;
}

/** Headers to add to the 101 answer, `null` to refuse with 403, or an answer to refuse with. */
export type UpgradeDecision = HeadersInit | UpgradeRejection | null;

/** How WebSocket connections on one path are accepted and received. `Data` is the type of `ws.data`. */
export interface Upgrader<Data = unknown, Path extends string = string> {
  /**
   * Decides whether the handshake completes. `sec-websocket-protocol` among the returned headers selects the
   * subprotocol, which must be one of `req.protocols`. Left out: every valid handshake is accepted, with no subprotocol.
   * A throw, a rejection, or a result outside the contract is answered 500, logged and counted.
   */
  shouldUpgrade?(req: UpgradeRequest<Path>): UpgradeDecision | Promise<UpgradeDecision>;
  /**
   * Receives each new connection, once, on the loop that owns it. May be async: messages that arrive before
   * `onText`/`onBinary`/`onMessage` is set wait, in order, up to `maxPayload` bytes.
   */
  onUpgrade(ws: ServerWebSocket<Data>, req: UpgradeRequest<Path>): CallbackResult;
}

/** One loop, as its app module sees it. All of it belongs to the loop's thread. */
export interface LoopContext {
  /** 0 to N-1; stays the same when the loop is replaced. */
  readonly id: number;
  /** 1 for the first thread of this loop, one more for each that replaces it. */
  readonly generation: number;
  /** pino logger whose lines carry the loop's id. */
  readonly log: Logger;
  /** State that all loops share: counters, maps, mutexes and rate limiters, by name. */
  readonly shared: Shared;
  /** Number of open connections on this loop. */
  readonly connections: number;
  /** A snapshot of every loop, read from shared memory without asking any of them. */
  loops(): LoopSnapshot[];
  /**
   * Serves WebSocket connections on a path. Segments match literally, `:name` matches one segment, a final `*` the rest;
   * literal wins over `:name` wins over `*`. Throws `RouteError` for an invalid or taken pattern.
   */
  webSocket<Data = unknown, const Path extends string = string>(
    path: Path,
    upgrader: Upgrader<Data, Path>,
  ): void;
  /** Answers plain HTTP with any fetch-style handler (Hono, h3, …). One per loop; without it, plain HTTP gets 404. */
  fetch(handler: FetchHandler): void;
  /**
   * Publishes a message to every subscriber of a channel, on all loops, in the channel's order. A channel's name is 1 to 255
   * bytes of UTF-8. What cannot be published is refused by a value, not by a throw.
   */
  publish(channel: string, data: MessageData, options?: SendOptions): PublishResult;
  /** Subscribers of a channel on all loops, now. */
  subscriberCount(channel: string): number;
  /** What the log still holds of a channel. Throws `RangeError` for a limit that is neither an integer from 0 nor `Infinity`. */
  history(channel: string, options?: HistoryOptions): HistoryResult;
  /**
   * Runs a task (`defineTasks`) on an offload worker, so that this loop goes on meanwhile, and gives its result. What the task throws
   * is thrown here with its name, message, stack and code. Rejects with `OffloadQueueFullError`, `OffloadTimeoutError`,
   * `OffloadWorkerError`, with the signal's reason, or with an `AbortError` when the connection of `whileOpen` closes.
   */
  offload<Data, Result>(task: Task<Data, Result>, ...rest: OffloadArguments<Data>): Promise<Result>;
  /** Runs when the loop stops, before its connections are closed. Awaited, up to a third of the drain time. */
  onShutdown(callback: () => void | Promise<void>): void;
}

/** Answers one plain HTTP request. A throw or a rejection is answered 500, logged and counted. */
export type FetchHandler = (request: Request) => Response | Promise<Response>;

/** Sets an app up on one loop: its paths, its `fetch` handler, its `onShutdown`. */
export type AppSetup = (loop: LoopContext) => void | Promise<void>;

/** What an app module exports by default. Made by `defineApp`. */
export interface AppModule {
  /** Runs once on every loop. */
  readonly setup: AppSetup;
}

/** Defines an app. `setup` runs once on every loop before the server listens; it may be async. */
export function defineApp(setup: AppSetup): AppModule {
  if (typeof setup !== 'function') throw new TypeError('defineApp needs a function that takes the loop');
  return { setup };
}
