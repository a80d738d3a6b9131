/** Opens one connection to a WebSocket server, on the `ws` package: its handshake, and every way in which that can fail. */
import { constants } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { type ClientOptions, WebSocket as Socket } from 'ws';
import { ConnectError, type ConnectErrorCode, UpgradeRejectedError } from '../errors.ts';
import type { WebSocket } from '../websocket.ts';
import { ClientWebSocket } from './client-websocket.ts';

const DEFAULTS = {
  handshakeTimeoutMs: 10_000,
  maxPayload: 16 * 1024 * 1024,
  maxBackpressure: 16 * 1024 * 1024,
  pingIntervalMs: 30_000,
} as const;
/** How long the peer has to answer a close frame. */
const CLOSE_TIMEOUT_MS = 10_000;
const SCHEMES: readonly string[] = ['ws:', 'wss:'];
/** Of the body of a refusal. */
const MAX_BODY_BYTES = 8 * 1024;

/** How to connect, and the limits of the connection. */
export interface ConnectOptions {
  /** Subprotocols to offer, in order of preference. Default: none. */
  readonly protocols?: readonly string[] | undefined;
  /** Headers to add to the handshake. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** For `wss:`: what Node's TLS takes. */
  readonly tls?: Pick<TlsOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'> | undefined;
  /** Milliseconds from the call to the open connection: name look-up, TCP, TLS and handshake together. Default: 10,000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** Largest message to accept, in bytes, also after inflation. Default: 16 MiB. A larger one closes the connection. */
  readonly maxPayload?: number | undefined;
  /** Most bytes that wait for a server that reads slowly; beyond that, `send` answers `dropped`. Default: 16 MiB. */
  readonly maxBackpressure?: number | undefined;
  /** Milliseconds between pings; a ping that is not answered before the next one is due ends the connection with 1006. 0: no pings. Default: 30,000. */
  readonly pingIntervalMs?: number | undefined;
  /** Ends the attempt; after it, closes the connection with 1001. */
  readonly signal?: AbortSignal | undefined;
  /** Offer permessage-deflate. Default: false. */
  readonly compression?: boolean | undefined;
  /** Hears of errors that callbacks throw; each of them closes the connection with 1011. Default: a line on standard error. */
  readonly onError?: ((error: unknown, callback: string) => void) | undefined;
}

/**
 * Connects to `ws:` or `wss:`. Rejects with `UpgradeRejectedError` when the server refuses the handshake, with `ConnectError` when
 * there is no connection to be had, and with the signal's reason when it is aborted. What a server sends throws nowhere else.
 */
export async function connect<Data = unknown>(
  url: string | URL,
  options: ConnectOptions = {},
): Promise<WebSocket<Data>> {
  const { signal } = options;
  signal?.throwIfAborted();
  const socket = open(url, options);
  // From here on, so that no frame behind the 101 is missed.
  const connection = new ClientWebSocket<Data>(socket, {
    maxPayload: options.maxPayload ?? DEFAULTS.maxPayload,
    maxBackpressure: options.maxBackpressure ?? DEFAULTS.maxBackpressure,
    pingIntervalMs: options.pingIntervalMs ?? DEFAULTS.pingIntervalMs,
    onError: options.onError ?? report,
  });
  await opened(socket, String(url), options);
  if (signal) closeOnAbort(connection as WebSocket, signal);
  return connection;
}

function open(url: string | URL, options: ConnectOptions): Socket {
  const { protocols = [], headers = {}, tls = {}, maxPayload, compression = false } = options;
  for (const name of ['handshakeTimeoutMs', 'maxPayload', 'maxBackpressure', 'pingIntervalMs'] as const)
    assertAmount(name, options[name]);
  try {
    if (!SCHEMES.includes(new URL(url).protocol)) throw new SyntaxError('the scheme is not ws: or wss:');
    // Its type declarations do not know closeTimeout yet.
    const given: ClientOptions & { closeTimeout: number } = {
      ...tls,
      headers,
      maxPayload: maxPayload ?? DEFAULTS.maxPayload,
      perMessageDeflate: compression,
      closeTimeout: CLOSE_TIMEOUT_MS,
    };
    return new Socket(url, [...protocols], given);
  } catch (error) {
    throw new ConnectError('CONNECT_INVALID', `cannot connect to ${String(url)}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function assertAmount(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 0 && value <= constants.MAX_LENGTH))
    return;
  throw new RangeError(`${name} ${value} is not accepted; give an integer from 0`);
}

/** Resolves when the handshake is complete. However it fails, the socket is gone afterwards. */
function opened(socket: Socket, url: string, options: ConnectOptions): Promise<void> {
  const { signal, handshakeTimeoutMs = DEFAULTS.handshakeTimeoutMs } = options;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => fail(signal?.reason);
    const timer = setTimeout(() => {
      const message = `cannot connect to ${url}: no answer within ${handshakeTimeoutMs} ms`;
      fail(new ConnectError('CONNECT_TIMEOUT', message));
    }, handshakeTimeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown): void => {
      settle();
      reject(error);
      socket.terminate();
    };
    signal?.addEventListener('abort', onAbort);
    socket.once('open', () => {
      settle();
      resolve();
    });
    // Later, it is something that the server may not send: its close frame is on its way, and nothing more is waited for.
    socket.on('error', (error) => fail(connectError(url, error)));
    socket.once('unexpected-response', (_, response: IncomingMessage) => {
      void readBody(response).then((body) => fail(new UpgradeRejectedError(url, response, body)));
    });
  });
}

/** As much of a body as is shown; what comes in time, when the server is slow. */
async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= MAX_BODY_BYTES) break;
    }
  } catch {
    // The server has cut its answer: what came is shown.
  }
  return Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString();
}

const CODES: readonly (readonly [ConnectErrorCode, RegExp])[] = [
  ['CONNECT_DNS', /^(ENOTFOUND|EAI_)/],
  ['CONNECT_REFUSED', /^ECONNREFUSED$/],
  ['CONNECT_TIMEOUT', /^ETIMEDOUT$/],
  // The parser of HTTP: the answer is none. One that was cut short says nothing of the server.
  ['CONNECT_PROTOCOL', /^HPE_(?!INVALID_EOF_STATE)/],
  ['CONNECT_TLS', /^(ERR_TLS_|ERR_SSL_|CERT_|EPROTO$|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/],
];

function connectError(
  url: string,
  error: Error & { code?: string; errors?: { code?: string }[] },
): ConnectError {
  // A name with several addresses fails with one error for each of them.
  const code = error.code ?? error.errors?.[0]?.code ?? '';
  const [kind = code === '' ? 'CONNECT_PROTOCOL' : 'CONNECT_FAILED'] =
    CODES.find(([, pattern]) => pattern.test(code)) ?? [];
  return new ConnectError(kind, `cannot connect to ${url}: ${messageOf(error) || code}`, { cause: error });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function closeOnAbort(connection: WebSocket, signal: AbortSignal): void {
  const onAbort = (): void => connection.close(1001, 'aborted');
  signal.addEventListener('abort', onAbort);
  void connection.onClose.then(() => signal.removeEventListener('abort', onAbort));
}

function report(error: unknown, callback: string): void {
  console.error(`polyloop client: ${callback} failed:`, error);
}
