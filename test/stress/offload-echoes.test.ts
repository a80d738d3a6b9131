/**
 * What a stream of CPU-heavy tasks does to the echoes of the same loops: run on the loops, and run by offload workers. Times are printed
 * always, and judged in the long run only: a shared machine may do anything for a second.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Client } from '../harness/client.ts';
import { EchoPace, percentile } from '../harness/echo-pace.ts';
import { ServerProcess } from '../harness/server-process.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const APP = fileURLToPath(new URL('../fixtures/offload-echo-app.js', import.meta.url));
const LOOPS = 2;
const CONNECTIONS = IS_LONG ? 500 : 50;
const ECHOES_PER_SECOND = IS_LONG ? 1000 : 200;
const PHASE_MS = IS_LONG ? 4000 : 500;
const ROUNDS = IS_LONG ? 7 : 1;
const TASK_MS = 50;
const LAG_PAUSE_MS = 100;
const TIMEOUT_MS = 180_000;

let server: ServerProcess;
let echoes: EchoPace;

beforeEach(async () => {
  server = await ServerProcess.start('--app', APP, '--workers', String(LOOPS));
  echoes = await EchoPace.open(server.url('/echo'), CONNECTIONS, ECHOES_PER_SECOND);
}, TIMEOUT_MS);

afterEach(async () => {
  echoes.close();
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

/** One task after the other from each of as many connections as there are loops, until it is called; then how many were done. */
async function work(where: 'inline' | 'offload'): Promise<() => Promise<number>> {
  let done = 0;
  let isOver = false;
  const clients = await Promise.all(
    Array.from({ length: LOOPS }, () => Client.open(server.url(`/work/${where}`))),
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

/** Asks again and again how late the loops' turns are, until it is called; then the worst of it. */
function watchLag(): () => Promise<number> {
  let isOver = false;
  const worst = (async () => {
    let worstMs = 0;
    while (!isOver) {
      const lags = (await (await fetch(server.url('/').replace('ws:', 'http:'))).json()) as number[];
      worstMs = Math.max(worstMs, ...lags);
      await delay(LAG_PAUSE_MS);
    }
    return worstMs;
  })();
  return () => {
    isOver = true;
    return worst;
  };
}

async function measure(name: string, where?: 'inline' | 'offload'): Promise<number> {
  const stop = where && (await work(where));
  const stopWatching = watchLag();
  const times = await echoes.run(PHASE_MS);
  const lagMs = await stopWatching();
  const tasks = (await stop?.()) ?? 0;
  const [p50, p99, max] = [50, 99, 100].map((percent) => percentile(times, percent).toFixed(2));
  console.log(
    `${name}: p50 ${p50} p99 ${p99} max ${max} ms of ${times.length} echoes, ${tasks} tasks, loop lag up to ${lagMs} ms`,
  );
  return percentile(times, 99);
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

test(
  'keeps echoes quick when tasks are offloaded, and does not when they run on the loops',
  async () => {
    await echoes.run(PHASE_MS);
    const p99 = { idle: [] as number[], offloaded: [] as number[], inline: [] as number[] };
    // In turns: what else the machine does hits all three.
    for (let round = 0; round < ROUNDS; round++) {
      p99.idle.push(await measure('idle'));
      p99.offloaded.push(await measure('with tasks offloaded', 'offload'));
      p99.inline.push(await measure('with tasks on the loops', 'inline'));
    }
    const [idle, offloaded, inline] = [p99.idle, p99.offloaded, p99.inline].map(median) as [
      number,
      number,
      number,
    ];
    console.log(
      `median p99 of ${ROUNDS} rounds: idle ${idle} offloaded ${offloaded} on the loops ${inline} ms`,
    );
    expect(Math.min(idle, offloaded, inline)).toBeGreaterThan(0);
    if (!IS_LONG) return;
    expect(offloaded).toBeLessThan(3 * idle);
    expect(inline).toBeGreaterThan(3 * idle);
  },
  TIMEOUT_MS,
);
