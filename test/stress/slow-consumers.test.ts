import type { LoopSnapshot } from 'polyloop';
import { expect, onTestFinished, test } from 'vitest';
import { Client } from '../harness/client.ts';
import { FloodReader, Latencies } from '../harness/flood-reader.ts';
import { mebibytes, residentBytesOf } from '../harness/process-figures.ts';
import { RawClient } from '../harness/raw-client.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const STUCK = IS_LONG ? 1000 : 50;
const HEALTHY = IS_LONG ? 20 : 5;
const LOOPS = 2;
const PER_SECOND = IS_LONG ? 10_000 : 5000;
const SECONDS = IS_LONG ? 20 : 2;
/**
 * The kernel takes one to three mebibytes for each client before anything waits in the server. Filling that is no fault of the
 * server's, and slowest with the most clients; so it is done at a rate at which two cores can copy it for all.
 */
const FILL_PER_SECOND = IS_LONG ? 500 : 5000;
const FILL_SECONDS = IS_LONG ? 12 : 1;
const SECONDS_BEFORE = IS_LONG ? 10 : 1;
const MAX_BACKPRESSURE = 128 * 1024;
const LOG_BYTES = 16 * 1024 * 1024;
/** What heaps and allocators may come to hold beside. */
const NOISE_BYTES = 48 * 1024 * 1024;
const RSS_EVERY_MS = 50;
const AT_ONCE = 100;
const TIMEOUT_MS = 120_000;

class Flooded {
  readonly server: ServerProcess;
  readonly #control: Client;
  readonly readers: FloodReader[] = [];

  private constructor(server: ServerProcess, control: Client) {
    this.server = server;
    this.#control = control;
  }

  static async start(policy: string): Promise<Flooded> {
    const server = await ServerProcess.start(
      ...['--app', 'test/fixtures/paced-flood.js', '--workers', String(LOOPS), '--slow-consumer', policy],
      ...['--max-backpressure', String(MAX_BACKPRESSURE), '--log-bytes', String(LOG_BYTES)],
    );
    return new Flooded(server, await Client.open(server.url('/control')));
  }

  async loops(): Promise<LoopSnapshot[]> {
    this.#control.send('figures');
    return JSON.parse(String(await this.#control.next())) as LoopSnapshot[];
  }

  async sum(figure: (loop: LoopSnapshot) => number): Promise<number> {
    return (await this.loops()).reduce((sum, loop) => sum + figure(loop), 0);
  }

  /** Clients that never read again, once they are connected. */
  async openStuck(count: number): Promise<RawClient[]> {
    const clients: RawClient[] = [];
    while (clients.length < count) {
      const opening = Array.from({ length: Math.min(AT_ONCE, count - clients.length) }, async () => {
        const client = await RawClient.open(this.server.port, '/reader');
        client.socket.pause();
        onTestFinished(() => client.leave());
        return client;
      });
      clients.push(...(await Promise.all(opening)));
    }
    return clients;
  }

  /** Floods for so long; resolves when every reader has all of it. Gives the latencies and the most memory. */
  async flood(perSecond: number, seconds: number): Promise<{ latencies: Latencies; bytes: number }> {
    const latencies = new Latencies();
    for (const reader of this.readers) reader.latencies = latencies;
    let bytes = 0;
    const watch = setInterval(() => {
      bytes = Math.max(bytes, residentBytesOf(this.server.pid));
    }, RSS_EVERY_MS);
    const last = (this.readers[0]?.last ?? 0) + perSecond * seconds;
    this.#control.send(`${perSecond} ${seconds}`);
    expect(Number(await this.#control.next())).toBe(perSecond * seconds);
    await until(() => this.readers.every((reader) => reader.last >= last || reader.wrong !== undefined));
    clearInterval(watch);
    return { latencies, bytes };
  }
}

const shown = ({ latencies }: { latencies: Latencies }): string =>
  `${latencies.percentile(0.5)} ${latencies.percentile(0.99)}`;

test.runIf(process.platform === 'linux').each(['drop', 'close'])(
  'keeps memory bounded, and delivers everything to others as soon as before, when many clients stop reading during a flood, with the policy %s',
  async (policy) => {
    const flooded = await Flooded.start(policy);
    const { server, readers } = flooded;
    onTestFinished(() => server.kill('SIGKILL'));
    while (readers.length < HEALTHY) readers.push(await FloodReader.open(server.port, new Latencies()));
    await flooded.flood(PER_SECOND, 1);
    const before = await flooded.flood(PER_SECOND, SECONDS_BEFORE);

    const stuck = await flooded.openStuck(STUCK);
    const deliveredBefore = await flooded.sum(({ counters }) => counters.deliveries);
    const fill = await flooded.flood(FILL_PER_SECOND, FILL_SECONDS);
    const during = await flooded.flood(PER_SECOND, SECONDS);
    const bound = before.bytes + STUCK * MAX_BACKPRESSURE + LOG_BYTES + NOISE_BYTES;
    const most = Math.max(fill.bytes, during.bytes);
    console.log(
      `${policy}, ${STUCK} stuck: resident ${mebibytes(before.bytes)} before, at most ${mebibytes(most)}, bound ${mebibytes(bound)};`,
      `p50 and p99 in ms ${shown(before)} before, ${shown(fill)} while they fill, ${shown(during)} in the flood`,
    );
    expect(readers.map(({ wrong }) => wrong).filter((wrong) => wrong !== undefined)).toEqual([]);
    expect(most).toBeLessThan(bound);
    // They were stuck indeed: they were not sent all of it.
    const delivered = (await flooded.sum(({ counters }) => counters.deliveries)) - deliveredBefore;
    expect(delivered).toBeLessThan(PER_SECOND * SECONDS * (HEALTHY + STUCK * 0.9));
    if (IS_LONG)
      expect(during.latencies.percentile(0.99)).toBeLessThan(2 * before.latencies.percentile(0.99));

    if (policy === 'drop')
      expect(await flooded.sum(({ connections }) => connections)).toBe(1 + HEALTHY + STUCK);
    else {
      await until(async () => (await flooded.sum(({ counters }) => counters.slowConsumersClosed)) === STUCK);
      await until(async () => (await flooded.sum(({ connections }) => connections)) === 1 + HEALTHY);
    }
    for (const client of stuck) client.leave();
    await until(async () => (await flooded.sum(({ connections }) => connections)) === 1 + HEALTHY);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  },
  TIMEOUT_MS,
);
