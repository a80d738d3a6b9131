/** From a handshake to a connection: validity, route, `shouldUpgrade`, the 101 answer, `onUpgrade`. */
import type { Logger } from 'pino';
import type { UpgradeDecision, UpgradeRejection, UpgradeRequest, Upgrader } from '../app.ts';
import { UpgradeContractError } from '../errors.ts';
import type { HttpResponse, us_socket_context_t } from '../uws.ts';
import type { Admission } from './admission.ts';
import type { Anchor } from './anchor.ts';
import type { ClientAddress } from './client-address.ts';
import { selectExtension } from './extensions.ts';
import { toWire } from './field-value.ts';
import { findHandshakeFault, SUPPORTED_VERSION } from './handshake.ts';
import { answer, statusLine, userHeaders } from './http-answer.ts';
import type { Limits, Refusal } from './limits.ts';
import { logError } from './loop-log.ts';
import type { OriginRule } from './origin-rule.ts';
import type { RequestHead } from './request-head.ts';
import type { RouteTable } from './routes.ts';
import type { SeldomLog } from './seldom-log.ts';
import { type ConnectionHolder, type ConnectionHost, ServerWebSocket } from './server-websocket.ts';
import { traceFields } from './traceparent.ts';
import type { OpenSpan, Tracing } from './tracing.ts';
import { HandshakeRequest } from './upgrade-request.ts';

/** Headers of the 101 answer that the handshake itself decides; user code may not. */
const HANDSHAKE_HEADERS = [
  'connection',
  'content-length',
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'transfer-encoding',
  'upgrade',
];
const UPGRADE_OFFER = [
  ['upgrade', 'websocket'],
  ['sec-websocket-version', SUPPORTED_VERSION],
] as const;

/** Characters of a header that a log line repeats. */
const LOGGED_LENGTH = 200;

/** One handshake under way. `isOpen` ends with its answer or with the client's leaving. */
interface Attempt {
  readonly res: HttpResponse;
  readonly context: us_socket_context_t;
  readonly head: RequestHead;
  readonly upgrader: Upgrader;
  readonly request: UpgradeRequest;
  /** Given back when the handshake comes to nothing; else the connection has it. */
  readonly admission: Admission | null;
  /** Null without an OpenTelemetry SDK. */
  readonly span: OpenSpan | null;
  /** When the request came, on the clock of `performance.now`. */
  readonly sinceMs: number;
  /** Set while `shouldUpgrade` has not decided. */
  timer?: NodeJS.Timeout;
  isOpen: boolean;
  /** The request's handler has returned: `shouldUpgrade` decides in a later turn. */
  isLate: boolean;
}

/** What a handshake has to pass before the app is asked, and who it is. */
export interface Entrance {
  readonly limits: Limits;
  readonly origins: OriginRule;
  readonly clients: ClientAddress;
  /** For what anybody can cause. */
  readonly seldom: SeldomLog;
}

export class Upgrades {
  readonly #routes: RouteTable<Upgrader>;
  readonly #host: ConnectionHost;
  readonly #limits: Limits;
  readonly #origins: OriginRule;
  readonly #clients: ClientAddress;
  readonly #seldom: SeldomLog;
  readonly #log: Logger;
  /** Handshakes whose `shouldUpgrade` has not decided yet. */
  readonly #waiting = new Set<Attempt>();
  readonly #anchor: Anchor;
  /** Set when the app module has an OpenTelemetry SDK. */
  tracing: Tracing | null = null;
  #isDraining = false;

  constructor(
    routes: RouteTable<Upgrader>,
    anchor: Anchor,
    host: ConnectionHost,
    { limits, origins, clients, seldom }: Entrance,
    log: Logger,
  ) {
    this.#routes = routes;
    this.#anchor = anchor;
    this.#host = host;
    this.#limits = limits;
    this.#origins = origins;
    this.#clients = clients;
    this.#seldom = seldom;
    this.#log = log;
  }

  /** A request that asks for a WebSocket. `context` is null when uWebSockets.js itself could not upgrade it. */
  handle(res: HttpResponse, head: RequestHead, context: us_socket_context_t | null): void {
    const sinceMs = performance.now();
    const fault = findHandshakeFault(head);
    if (fault !== null || context === null) {
      this.#host.totals.upgradesInvalid++;
      this.#seldom.warn('invalid', { ...shown(head), why: fault?.why }, 'handshake is not valid');
      const version = fault?.status === 426 ? UPGRADE_OFFER : [];
      answer(res, fault?.status ?? 400, fault?.why ?? 'not a WebSocket handshake', version, true);
      return;
    }
    if (this.#isDraining) {
      this.#host.totals.upgradesDraining++;
      this.#reject(res, 503, 'shutting down', [['retry-after', '1']]);
      return;
    }
    if (!this.#origins.allows(head)) {
      this.#refuseOrigin(res, head);
      return;
    }
    const route = matchOrNull(this.#routes, head.path);
    if (route === null) {
      this.#host.totals.upgradesUnknownPath++;
      this.#seldom.warn('path', shown(head), 'no WebSocket is served at this path');
      this.#reject(res, 404, 'no WebSocket here');
      return;
    }
    const clientAddress = this.#clients.of(res, head);
    const span = this.tracing?.upgrade(head, route.pattern, clientAddress) ?? null;
    const request = new HandshakeRequest(head, route.params, clientAddress, span);
    const admission = this.#limits.admit(request.remoteAddress);
    if (admission !== null && 'status' in admission) {
      span?.answered(admission.status);
      this.#refuse(res, admission);
      return;
    }
    const upgrader = route.value;
    this.#decide({
      res,
      context,
      head,
      upgrader,
      request,
      admission,
      span,
      sinceMs,
      isOpen: true,
      isLate: false,
    });
  }

  /** A plain request to a path where WebSockets are served and nothing else. False when it is not such a path. */
  tryRequireUpgrade(res: HttpResponse, head: RequestHead): boolean {
    if (matchOrNull(this.#routes, head.path) === null) return false;
    answer(res, 426, 'this is a WebSocket endpoint', UPGRADE_OFFER);
    return true;
  }

  /** From now on handshakes are refused, also those that wait for `shouldUpgrade`. */
  drain(): void {
    this.#isDraining = true;
    for (const attempt of this.#waiting) {
      this.#giveUp(attempt);
      attempt.span?.answered(503);
      this.#host.totals.upgradesDraining++;
      this.#reject(attempt.res, 503, 'shutting down', [['retry-after', '1']]);
    }
  }

  #decide(attempt: Attempt): void {
    const { upgrader, request, res, span } = attempt;
    const { shouldUpgrade } = upgrader;
    if (shouldUpgrade === undefined) {
      this.#accept(attempt, null);
      return;
    }
    let decision: UpgradeDecision | Promise<UpgradeDecision>;
    try {
      this.#host.calls('shouldUpgrade');
      decision = inSpan(span, () => shouldUpgrade.call(upgrader, request));
    } catch (error) {
      this.#failed(attempt, error);
      return;
    }
    if (!isPromise(decision)) {
      this.#apply(attempt, decision);
      return;
    }
    attempt.isLate = true;
    this.#waiting.add(attempt);
    res.onAborted(() => {
      this.#host.totals.upgradesAborted++;
      span?.aborted();
      this.#giveUp(attempt);
    });
    attempt.timer = setTimeout(() => this.#timedOut(attempt), this.#limits.handshakeTimeoutMs);
    // In a turn of its own: the promise may settle within a callback of another connection, and uWebSockets.js would take
    // the upgrade for that one's.
    decision.then(
      (settled) => setImmediate(() => this.#apply(attempt, settled)),
      (error: unknown) => setImmediate(() => this.#failed(attempt, error)),
    );
  }

  /** Ends the waiting of a handshake; false when it had ended before. */
  #settle(attempt: Attempt): boolean {
    const wasOpen = attempt.isOpen;
    attempt.isOpen = false;
    this.#waiting.delete(attempt);
    clearTimeout(attempt.timer);
    return wasOpen;
  }

  /** Ends a handshake that comes to nothing; false when it had ended before. */
  #giveUp(attempt: Attempt): boolean {
    const wasOpen = this.#settle(attempt);
    if (wasOpen) attempt.admission?.end();
    return wasOpen;
  }

  /** What `shouldUpgrade` decides from here on is ignored. */
  #timedOut(attempt: Attempt): void {
    if (!this.#giveUp(attempt)) return;
    const refusal = this.#limits.handshakeTimedOut(attempt.request.remoteAddress);
    attempt.span?.answered(refusal.status);
    this.#refuse(attempt.res, refusal);
  }

  #apply(attempt: Attempt, decision: UpgradeDecision): void {
    let verdict: Verdict;
    try {
      verdict = judge(decision, attempt.request);
    } catch (error) {
      this.#failed(attempt, error);
      return;
    }
    const { status, headers, body } = verdict;
    if (status === 101) {
      if (this.#settle(attempt)) this.#accept(attempt, headers);
    } else if (this.#giveUp(attempt)) {
      this.#host.totals.upgradesRefusedByApp++;
      attempt.span?.answered(status);
      this.#reject(attempt.res, status, body ?? statusLine(status), headers ? userHeaders(headers) : []);
    }
  }

  #accept(attempt: Attempt, headers: Headers | null): void {
    const { res, context, head, request, admission, upgrader, span, sinceMs } = attempt;
    const protocol = headers?.get('sec-websocket-protocol') ?? '';
    headers?.delete('sec-websocket-protocol');
    const connection = new ServerWebSocket(this.#host, protocol, request.remoteAddress, request.traceparent);
    const holder: ConnectionHolder = { connection, admission };
    const upgrade = (): void => {
      if (headers !== null) {
        res.writeStatus(statusLine(101));
        for (const [name, value] of headers) res.writeHeader(name, toWire(value));
      }
      const key = head.header('sec-websocket-key');
      // Not the client's own words: uWebSockets.js takes any offer in which it finds the name of an extension.
      const extension = selectExtension(head.header('sec-websocket-extensions')) ?? '';
      // Calls `open`, hence `connection.opened`, before it returns.
      res.upgrade(holder, key, protocol, extension, context);
    };
    // While the request's handler runs, uWebSockets.js has corked the response: the 101 and what onUpgrade sends leave in
    // one segment.
    try {
      if (attempt.isLate) this.#anchor.run(res, upgrade);
      else upgrade();
    } catch (error) {
      admission?.end();
      span?.failed(error);
      throw error;
    }
    this.#host.durations.upgrade.add(performance.now() - sinceMs);
    this.#limits.connected(holder);
    connection.upgraded(() => inSpan(span, () => upgrader.onUpgrade(connection, request)));
    span?.answered(101);
  }

  #reject(
    res: HttpResponse,
    status: number,
    body: string,
    headers: readonly (readonly [string, string])[] = [],
    closeConnection = false,
  ): void {
    this.#host.totals.upgradesRejected++;
    answer(res, status, body, headers, closeConnection);
  }

  /** A browser tells its page nothing of this answer: the log line is for who wonders why it does not connect. */
  #refuseOrigin(res: HttpResponse, head: RequestHead): void {
    this.#host.totals.originsRefused++;
    const origin = head.header('origin').slice(0, LOGGED_LENGTH);
    this.#seldom.warn('origin', { ...shown(head), origin, host: head.header('host') }, 'origin refused');
    this.#reject(res, 403, 'this origin is not allowed');
  }

  /** Also ends the TCP connection, so that who is refused holds nothing. */
  #refuse(res: HttpResponse, { status, body, retryAfterS }: Refusal): void {
    this.#reject(res, status, body, [['retry-after', String(retryAfterS)]], true);
  }

  #failed(attempt: Attempt, error: unknown): void {
    this.#host.totals.handlerErrors++;
    const { head, request, span } = attempt;
    const fields = { path: head.path, ...traceFields(request.traceparent) };
    logError(this.#log, fields, error, 'shouldUpgrade failed');
    span?.failed(error);
    if (!this.#giveUp(attempt)) return;
    this.#host.totals.upgradesFailed++;
    this.#reject(attempt.res, 500, 'internal error');
  }
}

/** Of a request that is refused: the latest of its kind stands for the others. */
const shown = (head: RequestHead): { path: string } => ({ path: head.path.slice(0, LOGGED_LENGTH) });

const inSpan = <T>(span: OpenSpan | null, call: () => T): T => (span === null ? call() : span.run(call));

function matchOrNull<T>(routes: RouteTable<T>, path: string): ReturnType<RouteTable<T>['match']> {
  try {
    return routes.match(path);
  } catch {
    // A parameter that is not valid percent-encoding names nothing that exists.
    return null;
  }
}

const isPromise = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof (value as { then?: unknown } | null)?.then === 'function';

/** `{}`, the common answer: no need to make `Headers` of it. */
const isEmptyRecord = (decision: NonNullable<UpgradeDecision>): boolean =>
  Object.getPrototypeOf(decision) === Object.prototype && Object.keys(decision).length === 0;

/** What a decision comes to, checked: status 101 accepts. */
interface Verdict {
  readonly status: number;
  readonly headers: Headers | null;
  readonly body?: string;
}

/** Throws when the decision breaks the contract of `shouldUpgrade`. */
function judge(decision: UpgradeDecision, request: UpgradeRequest): Verdict {
  if (decision === null) return { status: 403, headers: null };
  if (typeof decision !== 'object')
    throw new UpgradeContractError(`shouldUpgrade returned ${typeof decision}`);
  if (isEmptyRecord(decision)) return { status: 101, headers: null };
  if (isRejection(decision)) {
    const { status, body } = decision;
    if (!Number.isInteger(status) || status < 300 || status > 599) {
      throw new UpgradeContractError(`shouldUpgrade returned status ${status}; a refusal is 300 to 599`);
    }
    if (body !== undefined && typeof body !== 'string') {
      throw new UpgradeContractError(`shouldUpgrade returned a body that is ${typeof body}, not a string`);
    }
    return { status, headers: new Headers(decision.headers), ...(body === undefined ? {} : { body }) };
  }
  const headers = new Headers(decision);
  assertUpgradeHeaders(headers, request);
  return { status: 101, headers };
}

const isRejection = (decision: NonNullable<UpgradeDecision>): decision is UpgradeRejection =>
  typeof (decision as { status?: unknown }).status === 'number';

function assertUpgradeHeaders(headers: Headers, request: UpgradeRequest): void {
  const reserved = HANDSHAKE_HEADERS.find((name) => headers.has(name));
  if (reserved)
    throw new UpgradeContractError(`shouldUpgrade returned the header ${reserved}, which the handshake sets`);
  const protocol = headers.get('sec-websocket-protocol');
  if (protocol !== null && !request.protocols.includes(protocol)) {
    throw new UpgradeContractError(
      `shouldUpgrade selected the subprotocol "${protocol}", which was not offered`,
    );
  }
}
