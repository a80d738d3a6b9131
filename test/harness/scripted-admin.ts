/** The live page as the admin server serves it, with a test in the place of the server that tells its status. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type PageFile, readPage } from '../../src/page-files.ts';
import type { LoopStatus, ServerStatus } from '../../src/primary/admin/status.ts';
import { COUNTERS, type CounterName } from '../../src/shared/layout.ts';
import { sampleStatus } from './sample-status.ts';

const PAGE = new URL('../../dist/primary/admin/page/', import.meta.url);
const MEBI = 1024 * 1024;

export class ScriptedAdmin {
  readonly #page: ReadonlyMap<string, PageFile> = readPage(PAGE);
  readonly #http: Server = createServer((req, res) => this.#answer(req.url ?? '/', res));
  readonly #listeners = new Set<ServerResponse>();
  #latest: ServerStatus | undefined;

  async listen(): Promise<void> {
    this.#http.listen(0, '127.0.0.1');
    await once(this.#http, 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/`;
  }

  /** To every page that listens, and first of all to each that will. */
  tell(status: ServerStatus): void {
    this.#latest = status;
    for (const res of this.#listeners) res.write(frame(status));
  }

  /** Ends every stream. */
  drop(): void {
    for (const res of this.#listeners) res.end();
    this.#listeners.clear();
  }

  /** Tells nothing to pages that come from now on. */
  forget(): void {
    this.#latest = undefined;
  }

  close(): void {
    this.#http.close();
    this.#http.closeAllConnections();
  }

  #answer(path: string, res: ServerResponse): void {
    if (path === '/api/events') {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(this.#latest === undefined ? '\n' : frame(this.#latest));
      this.#listeners.add(res);
      res.once('close', () => this.#listeners.delete(res));
      return;
    }
    const file = this.#page.get(path);
    res.writeHead(file === undefined ? 404 : 200, file?.headers);
    res.end(file?.body);
  }
}

const frame = (status: ServerStatus): string => `event: status\ndata: ${JSON.stringify(status)}\n\n`;

export function loopStatus(
  id: number,
  changes: Partial<Omit<LoopStatus, 'counters'>> = {},
  counters: Partial<Record<CounterName, number>> = {},
): LoopStatus {
  const none = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<CounterName, number>;
  const noDuration = { boundsMs: [], counts: [0], sumMs: 0 };
  return {
    id,
    generation: 1,
    state: 'ready',
    connections: 0,
    sockets: 0,
    accepted: 0,
    heartbeatAgeMs: 20,
    lagMs: 0,
    lastActivity: 'onText',
    utilization: 0.5,
    heapUsedBytes: 10 * MEBI,
    heapLimitBytes: 100 * MEBI,
    bufferedBytes: 0,
    backlogs: 0,
    counters: { ...none, ...counters },
    durations: { upgrade: noDuration, lag: noDuration },
    isStale: false,
    unreadBytes: 0,
    ...changes,
  };
}

export function serverStatus(
  uptimeMs: number,
  loops: readonly LoopStatus[],
  changes: Partial<ServerStatus> = {},
): ServerStatus {
  return sampleStatus({
    nodeVersion: '22.0.0',
    pid: 100,
    startedAt: '2026-01-02T03:04:05.000Z',
    uptimeMs,
    loops,
    log: { bytes: 16 * MEBI, unreadBytes: 0, writtenBytes: 0 },
    channels: { count: 0, max: 1000 },
    residentBytes: 100 * MEBI,
    offload: { ...sampleStatus().offload, workers: 2 },
    ...changes,
  });
}
