/** Messages that come back: a window of them on each connection, or, with `perSecond`, one after the other by the clock. */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Figures } from '../result.ts';
import { Client, openAll } from './client.ts';
import { dialect } from './dialect.ts';
import { EchoClient } from './echo-client.ts';
import { CLOCK_MS, countsFrom, DRAIN_TIMEOUT_MS, fail, type Load, warmUpMs } from './load.ts';
import { Latencies, Measurement } from './measurement.ts';
import { Stream } from './stream.ts';

export interface EchoLoad extends Load {
  readonly kind: 'echo';
  readonly path: string;
  readonly connections: number;
  readonly bytes: number;
  readonly inFlight: number;
  readonly isText?: boolean;
  /** Messages per second over all connections; left out: as many as come back. */
  readonly perSecond?: number;
}

const AT_A_TIME = 50;

export async function echo(load: EchoLoad): Promise<Figures> {
  const manner = dialect(load.dialect, load.isText);
  const stream = new Stream(manner, 0, load.bytes, load.inFlight);
  const latencies = new Latencies();
  let isMeasuring = false;
  let isOver = false;
  const onEcho = (client: EchoClient, count: number, ms: number): void => {
    if (isMeasuring) latencies.record(ms);
    if (!isOver && load.perSecond === undefined) client.send(count);
  };
  const clients = await openAll(load.connections, AT_A_TIME, async (number) => {
    const client = await Client.open(load.port, load.path, manner);
    return new EchoClient(client, number, stream, load.inFlight, onEcho);
  });
  const count = (what: 'sent' | 'echoed'): number =>
    clients.reduce((total, client) => total + client[what], 0);

  /** Sends what is due, in turn; who has not got its last answer is passed over. */
  const sendByClock = (perSecond: number): void => {
    const startMs = performance.now();
    let turn = 0;
    const timer = setInterval(() => {
      if (isOver) clearInterval(timer);
      const nowMs = performance.now();
      for (const due = ((nowMs - startMs) * perSecond) / 1000; turn < due && !isOver; turn++) {
        const client = clients[turn % clients.length];
        const dueMs = startMs + (turn * 1000) / perSecond;
        if (client && client.inFlight < load.inFlight) client.send(1, countsFrom(dueMs, nowMs));
      }
    }, CLOCK_MS);
  };
  if (load.perSecond !== undefined) sendByClock(load.perSecond);
  else for (const client of clients) client.send(load.inFlight);

  await delay(warmUpMs(load));
  isMeasuring = true;
  const before = count('echoed');
  const measurement = new Measurement(load.pids);
  await delay(load.seconds * 1000);
  const figures = measurement.end(count('echoed') - before, latencies.latency);
  isMeasuring = false;
  isOver = true;
  const isDone = (): boolean => count('echoed') === count('sent');
  for (const end = performance.now() + DRAIN_TIMEOUT_MS; !isDone(); await delay(10)) {
    if (performance.now() > end) fail(`${count('sent') - count('echoed')} messages did not come back`);
  }
  return figures;
}
