/**
 * Echoes at a steady pace on the loops of test/fixtures/offload-echo-app.js, and beside them a stream of CPU-heavy tasks, on the loops or
 * offloaded: how long the echoes take, and how late the loops' turns are.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from './client.ts';
import { EchoPace, percentile } from './echo-pace.ts';
import { type Exit, ServerProcess } from './server-process.ts';

const APP = fileURLToPath(new URL('../fixtures/offload-echo-app.js', import.meta.url));
const TASK_MS = 50;
const LAG_PAUSE_MS = 50;

/** Milliseconds, but for the counts. */
export interface EchoTimes {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly echoes: number;
  readonly tasks: number;
  /** Of all loops, as often as it was looked at. */
  readonly lagP99: number;
  readonly lagMax: number;
}

export class OffloadEchoes {
  readonly #server: ServerProcess;
  readonly #loops: number;
  readonly #echoes: EchoPace;

  private constructor(server: ServerProcess, loops: number, echoes: EchoPace) {
    this.#server = server;
    this.#loops = loops;
    this.#echoes = echoes;
  }

  static async start(loops: number, connections: number, echoesPerSecond: number): Promise<OffloadEchoes> {
    const server = await ServerProcess.start('--app', APP, '--workers', String(loops));
    const echoes = await EchoPace.open(server.url('/echo'), connections, echoesPerSecond);
    return new OffloadEchoes(server, loops, echoes);
  }

  /** Without `where` there are no tasks. */
  async measure(forMs: number, where?: 'inline' | 'offload'): Promise<EchoTimes> {
    const stop = where && (await this.#work(where));
    const stopWatching = this.#watchLag();
    const times = await this.#echoes.run(forMs);
    const lags = await stopWatching();
    const tasks = (await stop?.()) ?? 0;
    const [p50, p99, max] = [50, 99, 100].map((percent) => percentile(times, percent)) as [
      number,
      number,
      number,
    ];
    const [lagP99, lagMax] = [99, 100].map((percent) => percentile(lags, percent)) as [number, number];
    return { p50, p99, max, echoes: times.length, tasks, lagP99, lagMax };
  }

  async close(): Promise<Exit> {
    this.#echoes.close();
    return await this.#server.stop();
  }

  /** One task after the other from each of as many connections as there are loops, until it is called; then how many were done. */
  async #work(where: 'inline' | 'offload'): Promise<() => Promise<number>> {
    let done = 0;
    let isOver = false;
    const clients = await Promise.all(
      Array.from({ length: this.#loops }, () => Client.open(this.#server.url(`/work/${where}`))),
    );
    const streams = clients.map(async (client) => {
      await client.next();
      while (!isOver) {
        client.send(String(TASK_MS));
        await client.next();
        done++;
      }
      client.socket.terminate();
    });
    return async () => {
      isOver = true;
      await Promise.all(streams);
      return done;
    };
  }

  /** Asks again and again how late the loops' turns are, until it is called; then all answers, in ascending order. */
  #watchLag(): () => Promise<Float64Array> {
    let isOver = false;
    const url = this.#server.url('/').replace('ws:', 'http:');
    const all = (async () => {
      const lags: number[] = [];
      while (!isOver) {
        lags.push(...((await (await fetch(url)).json()) as number[]));
        await delay(LAG_PAUSE_MS);
      }
      return Float64Array.from(lags).sort();
    })();
    return () => {
      isOver = true;
      return all;
    };
  }
}
