/** The end of a loop: tell user code, close connections little by little, let buffers and answers flush. */
import { setTimeout as delay } from 'node:timers/promises';
import { within } from '../within.ts';
import type { Crowd } from './crowd.ts';
import type { DrainMessage, ShedMessage } from './messages.ts';
import type { ServerWebSocket } from './server-websocket.ts';

/** Shares of the drain time. What is left after them is for the last bytes and for the thread to end. */
const SHUTDOWN_SHARE = 1 / 3;
const DEADLINE_SHARE = 0.8;
const LINGER_SHARE = 0.9;
/** How often some connections are closed. */
const TICK_MS = 10;
/** How long peers have to read what was sent last before their TCP connections are cut. */
const LINGER_MS = 400;
/** How long a reload waits for the handshakes of clients that had connected to the old loop already. */
const HANDSHAKE_GRACE_MS = 2000;
/** How long one that is shed may take to read what waits for it. */
const BACKLOG_GRACE_MS = 1000;

export interface Drainable {
  readonly connections: Crowd<ServerWebSocket>;
  /** TCP connections that are no WebSockets, or not yet. */
  unanswered(): number;
  /** Refuses what is new; resolves when the plain HTTP requests under way are answered. Null when there are none. */
  refuse(): Promise<void> | null;
  /** Runs the user's `onShutdown` callbacks; never rejects. */
  runShutdown(): Promise<void>;
}

/** Resolves when the loop holds nothing any more, or the time is over. Never rejects. */
export async function drain(loop: Drainable, message: DrainMessage): Promise<void> {
  const startMs = performance.now();
  const leftMs = (share: number): number =>
    Math.max(0, startMs + message.timeoutMs * share - performance.now());
  const beforeDeadline = (): number => leftMs(DEADLINE_SHARE);
  let requestsAnswered = message.isReload ? null : loop.refuse();
  await within(leftMs(SHUTDOWN_SHARE), loop.runShutdown());

  let hadPeers = requestsAnswered !== null || loop.connections.size > 0;
  await closeSpread([...loop.connections], message, beforeDeadline);
  if (message.isReload) {
    await served(loop, Math.min(HANDSHAKE_GRACE_MS, beforeDeadline()));
    requestsAnswered = loop.refuse();
  }
  hadPeers ||= requestsAnswered !== null || loop.connections.size > 0;
  for (const connection of loop.connections) connection.close(message.code, message.reason);
  if (requestsAnswered) await within(beforeDeadline(), requestsAnswered);
  // uWebSockets.js does not say when the peer has answered a close frame, or has the end of an answer. Cutting the connection
  // while unread data waits sends a reset, which can overtake them; so peers get a moment.
  if (hadPeers) await delay(Math.min(LINGER_MS, leftMs(LINGER_SHARE)));
}

/** Closes a part of the connections, and resolves with how many. */
export async function shed(
  connections: Crowd<ServerWebSocket>,
  { fraction, ...how }: ShedMessage,
): Promise<number> {
  const chosen = shuffled([...connections]).slice(0, Math.round(connections.size * fraction));
  const deadlineMs = performance.now() + how.spreadMs + BACKLOG_GRACE_MS;
  await closeSpread(chosen, how, () => deadlineMs - performance.now());
  return chosen.length;
}

/** Resolves when every TCP connection has become a WebSocket or has gone, or the time is over. */
async function served(loop: Drainable, timeoutMs: number): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (loop.unanswered() > 0 && performance.now() < deadlineMs) await delay(TICK_MS);
}

/** Closes connections, evenly spread over `spreadMs`, in random order; those with a backlog when it has gone. */
async function closeSpread(
  connections: readonly ServerWebSocket[],
  { code, reason, spreadMs }: Pick<DrainMessage, 'code' | 'reason' | 'spreadMs'>,
  leftMs: () => number,
): Promise<void> {
  const startMs = performance.now();
  const queue = shuffled(connections);
  const total = queue.length;
  let backlogged: ServerWebSocket[] = [];
  while (queue.length > 0 && leftMs() > 0) {
    const progress = spreadMs === 0 ? 1 : (performance.now() - startMs + TICK_MS) / spreadMs;
    const keep = Math.max(0, Math.floor(total * (1 - progress)));
    for (const connection of queue.splice(keep)) {
      if (connection.bufferedAmount > 0) backlogged.push(connection);
      else connection.close(code, reason);
    }
    if (queue.length > 0) await delay(TICK_MS);
  }
  while (backlogged.length > 0 && leftMs() > 0) {
    await delay(TICK_MS);
    for (const connection of backlogged) if (connection.bufferedAmount === 0) connection.close(code, reason);
    backlogged = backlogged.filter((connection) => !connection.isClosed);
  }
  for (const connection of [...queue, ...backlogged]) connection.close(code, reason);
}

function shuffled<T>(given: readonly T[]): T[] {
  const items = [...given];
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
