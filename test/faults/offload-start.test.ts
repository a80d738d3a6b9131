/** Offload workers that do not come up, in a server of its own process, and what their tasks hear of it. */
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Outcome } from '../harness/offloading.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const APP = fileURLToPath(new URL('../fixtures/offload-app.js', import.meta.url));
const PRELOAD = new URL('../fixtures/broken-offload-worker.js', import.meta.url).href;

class Breakable {
  readonly #file: string;
  readonly process: ServerProcess;

  /** Its offload workers are broken from the start, unless said otherwise. */
  constructor(how: string, { offloadWorkers = 1, isBroken = true } = {}) {
    this.#file = join(tmpdir(), `polyloop-broken-${process.pid}-${performance.now()}`);
    if (isBroken) this.break();
    const address = ['--host', '127.0.0.1', '--port', '0', '--workers', '1', '--max-heap', '64MiB'];
    this.process = new ServerProcess(
      [...address, '--app', APP, '--offload-workers', String(offloadWorkers)],
      {
        NODE_OPTIONS: `--import=${PRELOAD}`,
        POLYLOOP_TEST_BROKEN: this.#file,
        POLYLOOP_TEST_BREAK: how,
      },
    );
    onTestFinished(async () => {
      this.mend();
      expect(await this.process.stop()).toEqual({ code: 0, signal: null });
      expect(this.process.stderr).toBe('');
    });
  }

  break(): void {
    writeFileSync(this.#file, '');
  }

  mend(): void {
    rmSync(this.#file, { force: true });
  }

  /** Threads that were tried since it was broken. */
  get attempts(): number {
    return existsSync(this.#file) ? statSync(this.#file).size : 0;
  }

  async get<T = Outcome>(path: string): Promise<T> {
    return (await (await fetch(this.process.url(path).replace('ws:', 'http:'))).json()) as T;
  }

  async add(): Promise<Outcome> {
    const body = JSON.stringify({ task: 'add', data: { a: 1, b: 2 } });
    const url = this.process.url('/offload').replace('ws:', 'http:');
    return (await (await fetch(url, { method: 'POST', body })).json()) as Outcome;
  }
}

describe('a task', () => {
  it.each([
    ['throws while it is loaded', 'throws', /broken on purpose/],
    ['exits while it is loaded', 'exits', /exited with code: 7/],
    ['has no memory left while it is loaded', 'fillsHeap', /memory/],
    ['gets no thread', 'cannotSpawn', /no more threads/],
  ])(
    'fails at once when its offload worker %s, and the next ones do until one comes up',
    async (_, how, why) => {
      const server = new Breakable(how);
      await server.process.line('listening');
      const first = (await server.add()).error;
      expect(first).toMatchObject({ name: 'OffloadWorkerError', code: 'OFFLOAD_WORKER_FAILED' });
      expect(first?.message).toMatch(/^the offload worker of task add could not be started: /);
      expect(first?.message).toMatch(why);
      expect(server.attempts).toBe(1);
      await server.process.line('offload worker could not be started');

      for (let call = 0; call < 200; call++)
        expect((await server.add()).error).toMatchObject({ name: 'OffloadWorkerError' });
      // The waits double, so that not even a very slow machine comes to more.
      expect(server.attempts).toBeLessThan(15);

      server.mend();
      await until(async () => (await server.add()).result === 3);
      expect(await server.add()).toEqual({ result: 3 });
    },
  );

  it('waits for an offload worker that is up when another does not come up', async () => {
    const server = new Breakable('throws', { offloadWorkers: 2, isBroken: false });
    await server.process.line('listening');
    const held = server.get('/hold');
    await server.get('/seen/held');
    server.break();
    expect((await server.add()).error).toMatchObject({ name: 'OffloadWorkerError' });
    const waiting = server.add();
    await server.get('/release');
    expect(await held).toEqual({ result: 'let go' });
    expect(await waiting).toEqual({ result: 3 });
  });

  it('is not tied to the start of a thread when it is aborted meanwhile', async () => {
    const server = new Breakable('none');
    await server.process.line('listening');
    const { error } = await server.get('/abort');
    expect(error).toMatchObject({ message: 'changed my mind' });
    expect(await server.add()).toEqual({ result: 3 });
  });
});
