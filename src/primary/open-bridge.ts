/** Makes this process a node: connects the log to the engine that the options name, and tells how that goes. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { loadBackplane } from '../backplane/load.ts';
import type { Config } from '../config.ts';
import { parseEngine } from '../engine-url.ts';
import type { ChannelLog } from '../shared/channel-log.ts';
import { Bridge } from './bridge.ts';
import type { Journal } from './journal.ts';

/** How this node is connected to the others. Counts are from the start of the server. */
export interface BackplaneStatus {
  /** What carries messages between nodes. */
  readonly engine: 'nats' | 'redis';
  /** What this node is called among the others. */
  readonly node: string;
  /** `degraded`: the engine was there, and is tried again; `down`: it has not been there yet, and is tried. */
  readonly state: 'connected' | 'degraded' | 'down';
  /** Messages that the engine was given. */
  readonly sent: number;
  /** Messages that came from the engine. Redis sends a node its own, too. */
  readonly received: number;
  /** Messages of this node that were given up, because too much waited or the engine takes none that large. */
  readonly dropped: number;
  /** Messages of other nodes that did not come, as far as their number is known. */
  readonly missed: number;
  /** What came and was not sent by a node, or sealed with another key. */
  readonly refused: number;
  /** Times that the engine was there again. */
  readonly reconnects: number;
  /** Bytes of messages that wait for the engine. */
  readonly waitingBytes: number;
}

export interface OpenBridge {
  status(): BackplaneStatus;
  /** Sends what waits for the engine, for a bounded time, and parts from it. */
  close(): Promise<void>;
}

/** How long what waits for the engine may take at the end. */
const CLOSE_TIMEOUT_MS = 2000;
/** An engine that is not there by then is told of, and tried on. */
const FIRST_CONNECT_MS = 5000;
const DIGITS_BYTES = 4;
const MAX_HOST_LENGTH = 40;

/** Null when the options name no engine. It need not be there: this node serves its own until it is. */
export async function openBridge(
  config: Config,
  channels: ChannelLog,
  log: Logger,
  journal: Journal,
): Promise<OpenBridge | null> {
  const engine = config.backplane === null ? undefined : parseEngine(config.backplane);
  if (engine === undefined) return null;
  const node = config.nodeId ?? defaultNodeId();
  const connect = await loadBackplane({
    engine,
    node,
    prefix: config.backplanePrefix,
    key: config.backplaneKey,
    maxWaitingBytes: config.backplaneBuffer,
    maxChannels: config.maxChannels,
    history: config.backplaneHistory,
  });
  log.info({ node, engine: engine.kind, servers: engine.servers }, 'backplane');
  let isClosing = false;
  const tell = (state: BackplaneStatus['state'], reason?: string): void => {
    clearTimeout(first);
    if (isClosing) return;
    if (state === 'connected') journal.info({ state }, 'backplane connected');
    else journal.warn({ state, ...(reason && { reason }) }, 'backplane is away');
  };
  const first = setTimeout(() => tell('down'), FIRST_CONNECT_MS).unref();
  const bridge = new Bridge(channels, connect, tell);
  return {
    status() {
      const { state, totals, waitingBytes } = bridge.backplane;
      return { engine: engine.kind, node, state, ...totals, waitingBytes };
    },
    async close() {
      isClosing = true;
      clearTimeout(first);
      await bridge.close(CLOSE_TIMEOUT_MS);
    },
  };
}

/** The host's name, in what a node id may have, and digits for the processes on it. */
function defaultNodeId(): string {
  const host = hostname()
    .replace(/[^\w.-]/g, '-')
    .slice(0, MAX_HOST_LENGTH);
  return `${host}-${randomBytes(DIGITS_BYTES).toString('hex')}`;
}
