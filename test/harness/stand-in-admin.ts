/** An admin server that says what a test wants it to say. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LoopStatus, ServerStatus } from '../../src/primary/admin/status.ts';
import { ControlBlock } from '../../src/shared/control-block.ts';
import { sampleStatus } from './sample-status.ts';

/** Of a server that has just started; `change` says what is different. */
export function someStatus(loops: number, change: Partial<ServerStatus> = {}): ServerStatus {
  const snapshots = ControlBlock.create(loops).snapshot();
  return sampleStatus({
    nodeVersion: '20.0.0',
    pid: 4711,
    loops: snapshots.map((loop): LoopStatus => ({ ...loop, state: 'ready', isStale: false, unreadBytes: 0 })),
    log: { bytes: 1024, unreadBytes: 0, writtenBytes: 0 },
    channels: { count: 0, max: 100 },
    residentBytes: 1024,
    ...change,
  });
}

export class StandInAdmin {
  readonly #http: Server;
  readonly #listeners = new Set<ServerResponse>();
  #status: unknown;

  private constructor(status: unknown) {
    this.#status = status;
    this.#http = createServer((req, res) => {
      if (req.url === '/api/events') {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        this.#listeners.add(res);
        this.say(this.#status);
      } else res.end(JSON.stringify(this.#status));
    });
  }

  static async start(status: unknown, port = 0): Promise<StandInAdmin> {
    const admin = new StandInAdmin(status);
    admin.#http.listen(port, '127.0.0.1');
    await once(admin.#http, 'listening');
    return admin;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** From now on. */
  say(status: unknown): void {
    this.#status = status;
    for (const res of this.#listeners) res.write(`event: status\ndata: ${JSON.stringify(status)}\n\n`);
  }

  async stop(): Promise<void> {
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, 'close');
  }
}
