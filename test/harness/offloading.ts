/** A server that runs test/fixtures/offload-app.js, and what a test asks of it. */
import type { OffloadSnapshot, ServerOptions } from 'polyloop';
import { FixtureServer } from './fixture-server.ts';
import { until } from './until.ts';

export interface Outcome {
  readonly result?: unknown;
  readonly error?: { name: string; message: string; stack: string; code?: string };
}

export class Offloading {
  readonly fixture: FixtureServer;

  private constructor(fixture: FixtureServer) {
    this.fixture = fixture;
  }

  /** One loop and one offload worker unless said otherwise. */
  static async start(options: ServerOptions = {}): Promise<Offloading> {
    return new Offloading(await FixtureServer.start('offload-app.js', { offloadWorkers: 1, ...options }));
  }

  get now(): OffloadSnapshot {
    return this.fixture.server.offload();
  }

  async get<T = Outcome>(path: string): Promise<T> {
    return (await (await this.fixture.http(path)).json()) as T;
  }

  async run(task: string, data?: unknown, timeoutMs?: number): Promise<Outcome> {
    const request = { method: 'POST', body: JSON.stringify({ task, data, timeoutMs }) };
    return (await (await this.fixture.http('/offload', request)).json()) as Outcome;
  }

  /** Keeps an offload worker busy until it is called; then gives what became of the task. */
  async hold(): Promise<() => Promise<Outcome>> {
    const held = this.get('/hold');
    await this.fixture.seen('held');
    return async () => {
      await this.get('/release');
      return held;
    };
  }

  async untilQueued(count: number): Promise<void> {
    await until(() => this.now.queued === count);
  }

  /** Nothing is under way, here or on the loop, and every task is in one count. */
  async untilIdle(ports: number): Promise<void> {
    await until(() => this.now.running === 0 && this.now.queued === 0);
    await until(async () => (await this.ports()) === ports);
  }

  /** Message ports that a loop holds. */
  ports(): Promise<number> {
    return this.get<number>('/ports');
  }

  close(): Promise<void> {
    return this.fixture.close();
  }
}
