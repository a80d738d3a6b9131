/** A server in the test's own process that runs one of the apps in test/fixtures, and what the test asks of that app. */
import { type CounterName, Server, type ServerOptions, type ServerWebSocket } from 'polyloop';
import { until } from './until.ts';

export class FixtureServer {
  readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
  }

  /** One loop unless said otherwise, so that all connections of a test are neighbours. */
  static async start(fixture: string, options: ServerOptions = {}): Promise<FixtureServer> {
    return FixtureServer.demo({ app: new URL(`../fixtures/${fixture}`, import.meta.url), ...options });
  }

  /** The same with the app that runs when no other is given. */
  static async demo(options: ServerOptions = {}): Promise<FixtureServer> {
    const defaults = { workers: 1, host: '127.0.0.1', port: 0, adminPort: 0, logLevel: 'silent' } as const;
    return new FixtureServer(await Server.start({ ...defaults, ...options }));
  }

  get port(): number {
    return this.server.port;
  }

  url(path: string): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  http(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, init);
  }

  /** The next event that the app posted under this key, now or later (test/fixtures/mailbox.js). */
  async seen(key: string): Promise<unknown> {
    return (await this.http(`/seen/${encodeURIComponent(key)}`)).json();
  }

  /** The next `count` of them. */
  async seenInOrder(key: string, count: number): Promise<unknown[]> {
    const events: unknown[] = [];
    while (events.length < count) events.push(await this.seen(key));
    return events;
  }

  /** Those that were posted and not taken by `seen`. */
  async unseen(key: string): Promise<unknown> {
    return (await this.http(`/unseen/${encodeURIComponent(key)}`)).json();
  }

  /**
   * Runs `body` on the loop, with the connection that was opened as `/remote/<name>` (test/fixtures/remote-app.js), and gives
   * what it returned. It travels as source text: it sees its arguments and nothing else. What it throws is thrown here,
   * as `RangeError: …`.
   */
  async run<Args extends readonly unknown[], T>(
    name: string,
    body: (ws: ServerWebSocket, ...args: Args) => T,
    ...args: Args
  ): Promise<Awaited<T>> {
    const request = { method: 'POST', body: JSON.stringify({ source: body.toString(), args }) };
    const response = await this.http(`/run/${encodeURIComponent(name)}`, request);
    const { value, error } = (await response.json()) as { value: Awaited<T>; error?: string };
    if (error !== undefined) throw new Error(error);
    return value;
  }

  /** A counter's total over all loops, with all that they had counted when this was called. */
  async total(counter: CounterName): Promise<number> {
    const startMs = performance.now();
    // Totals are written just before the heartbeat; its age is in whole milliseconds.
    await until(() => {
      const sinceMs = performance.now() - startMs;
      return this.server.loops().every(({ heartbeatAgeMs }) => heartbeatAgeMs + 2 < sinceMs);
    });
    return this.server.loops().reduce((sum, loop) => sum + loop.counters[counter], 0);
  }

  get connections(): number {
    return this.server.loops().reduce((sum, loop) => sum + loop.connections, 0);
  }

  get generations(): number[] {
    return this.server.loops().map((loop) => loop.generation);
  }

  close(): Promise<void> {
    return this.server.close();
  }
}
