import { setTimeout as delay } from 'node:timers/promises';
import type { LoopSnapshot } from 'polyloop';
import { expect, onTestFinished, test } from 'vitest';
import { Client } from '../harness/client.ts';
import type { Greeting } from '../harness/greeting.ts';
import type { Closed } from '../harness/peer.ts';
import { mebibytes, openFilesOf, residentBytesOf } from '../harness/process-figures.ts';
import { type LogLine, ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const LOOPS = 4;
/** Each replaces every loop. */
const RELOADS = IS_LONG ? 250 : 2;
const CLIENTS = 40;
const ECHO_PAUSE_MS = 20;
const ATTEMPT_PAUSE_MS = 50;
/** Placed afterwards, slowly: placement looks every 50 ms, and what arrives between two looks can all go to one loop. */
const PLACED_AFTERWARDS = 60;
/** What arrives within placement's last looks makes it unsure by as many. */
const UNEVEN = 8;
/** What heaps and allocators may come to hold beside, whatever is done. */
const NOISE_BYTES = 32 * 1024 * 1024;
const NOISE_FILES = 10;
const TIMEOUT_MS = IS_LONG ? 1_800_000 : 60_000;

/** Tells the first message, or how the connection was closed before there was one. */
const nextOf = (client: Client): Promise<string | Closed> =>
  Promise.race([client.next().then(String), client.closed]);

/** Clients that send one message after the other, and connect again at once when they are closed. */
class Traffic {
  /** What must not happen. */
  readonly wrong: string[] = [];
  /** The generation that every loop is replaced by now, or was. */
  generation = 1;
  closes = 0;
  echoes = 0;
  attempts = 0;
  readonly #url: string;
  readonly #generations = new Map<number, number>();
  #isStopping = false;

  constructor(url: string) {
    this.#url = url;
  }

  /** Clients that a loop of the present generation serves. */
  get upToDate(): number {
    return [...this.#generations.values()].filter((generation) => generation === this.generation).length;
  }

  stop(): void {
    this.#isStopping = true;
  }

  /** One lasting client, connected again and again. */
  async echo(id: number): Promise<void> {
    while (!this.#isStopping) {
      const client = await this.#open();
      if (client === null) return;
      const first = await nextOf(client);
      if (typeof first !== 'string') {
        this.#closed(first);
        continue;
      }
      const { generation } = JSON.parse(first) as Greeting;
      this.#generations.set(id, generation);
      const closed = await this.#echoUntilClosed(client);
      this.#generations.delete(id);
      if (closed === null) return;
      this.#closed(closed, generation);
    }
  }

  /** New connections, one after the other; each looks at the loops' counters. */
  async comeAndGo(): Promise<void> {
    let before = new Map<number, LoopSnapshot>();
    while (!this.#isStopping) {
      const client = await this.#open();
      if (client === null) return;
      client.send('loops');
      const [first, second] = [await nextOf(client), await nextOf(client)];
      if (typeof first === 'string' && typeof second === 'string') {
        const loops = JSON.parse(second) as LoopSnapshot[];
        for (const loop of loops) this.#compare(before.get(loop.id), loop);
        before = new Map(loops.map((loop) => [loop.id, loop]));
        client.socket.close();
      } else this.#closed(await client.closed);
      await delay(ATTEMPT_PAUSE_MS);
    }
  }

  async #open(): Promise<Client | null> {
    this.attempts++;
    try {
      return await Client.open(this.#url);
    } catch (error) {
      this.wrong.push(`attempt ${this.attempts}: ${error}`);
      return null;
    }
  }

  /** Gives how it was closed; null when the test is over. */
  async #echoUntilClosed(client: Client): Promise<Closed | null> {
    for (let n = 0; !this.#isStopping; n++) {
      client.socket.send(String(n), () => {});
      const answer = await nextOf(client);
      if (typeof answer !== 'string') return answer;
      if (answer !== String(n)) this.wrong.push(`${answer} came back in place of ${n}`);
      this.echoes++;
      await delay(ECHO_PAUSE_MS);
    }
    client.socket.close();
    return null;
  }

  /** Allowed is only what a reload does, and only to connections of the generation that it replaces. */
  #closed({ code, reason }: Closed, generation = this.generation - 1): void {
    this.closes++;
    if (code !== 1012 || generation !== this.generation - 1)
      this.wrong.push(`generation ${generation} closed with ${code} ${reason} during ${this.generation}`);
  }

  #compare(before: LoopSnapshot | undefined, loop: LoopSnapshot): void {
    if (before === undefined) return;
    if (loop.generation < before.generation) this.wrong.push(`loop ${loop.id} became an older generation`);
    for (const [name, count] of Object.entries(before.counters)) {
      const now = loop.counters[name as keyof typeof loop.counters];
      if (now < count) this.wrong.push(`${name} of loop ${loop.id} went from ${count} to ${now}`);
    }
  }
}

const isReloaded = ({ msg }: LogLine): boolean => msg === 'reloaded';

async function loopsOf(url: string): Promise<LoopSnapshot[]> {
  const client = await Client.open(url);
  await client.next();
  client.send('loops');
  const loops = JSON.parse(String(await client.next())) as LoopSnapshot[];
  client.socket.close();
  await client.closed;
  return loops;
}

/**
 * Allowed: 1012 for a connection whose loop is replaced. Forbidden: that the process ends, that an attempt is refused or reset, any
 * other close, a wrong echo, a counter that goes down, memory or open files that grow.
 */
test(
  'closes none but connections of the loop that is replaced, and grows by nothing, when loops are replaced many times in a row under traffic',
  async () => {
    const server = await ServerProcess.start(
      ...['--workers', String(LOOPS), '--app', 'test/fixtures/faulty.js', '--drain-timeout', '0.3'],
    );
    onTestFinished(() => server.kill('SIGKILL'));
    const url = server.url('/');
    const traffic = new Traffic(url);
    const clients = Array.from({ length: CLIENTS }, (_, id) => traffic.echo(id));
    const attempts = traffic.comeAndGo();
    await until(() => traffic.upToDate === CLIENTS);

    const quarter = Math.ceil(RELOADS / 4);
    const figures = { bytes: 0, files: 0 };
    for (let reload = 1; reload <= RELOADS && traffic.wrong.length === 0; reload++) {
      traffic.generation++;
      server.kill('SIGHUP');
      await server.line('reloaded', () => server.lines.filter(isReloaded).length === reload);
      await until(() => traffic.upToDate === CLIENTS || traffic.wrong.length > 0);
      const [bytes, files] = [residentBytesOf(server.pid), openFilesOf(server.pid)];
      if (reload === quarter) Object.assign(figures, { bytes, files });
      if (reload % quarter === 0 || reload === RELOADS)
        console.log(`${reload * LOOPS} replacements: ${mebibytes(bytes)}, ${files} open files`);
    }
    expect(traffic.wrong).toEqual([]);
    const { closes, echoes, attempts: attempted } = traffic;
    console.log(`${attempted} attempts, ${closes} closed with 1012, ${echoes} echoes`);
    expect(closes).toBeGreaterThanOrEqual(RELOADS * CLIENTS);
    if (IS_LONG) {
      expect(residentBytesOf(server.pid)).toBeLessThan(figures.bytes + NOISE_BYTES);
      expect(openFilesOf(server.pid)).toBeLessThan(figures.files + NOISE_FILES);
    }

    traffic.stop();
    await Promise.all([...clients, attempts]);
    expect(traffic.wrong).toEqual([]);
    // Nothing is left over but the connection that asks.
    await until(async () => (await loopsOf(url)).reduce((sum, { sockets }) => sum + sockets, 0) === 1);
    for (let i = 0; i < PLACED_AFTERWARDS; i++) {
      await Client.open(url);
      await delay(ATTEMPT_PAUSE_MS);
    }
    const counts = (await loopsOf(url)).map(({ connections }) => connections);
    console.log(`connections afterwards: ${counts}`);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(UNEVEN);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  },
  TIMEOUT_MS,
);
