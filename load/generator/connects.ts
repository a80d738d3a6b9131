/**
 * Many connections that are opened as fast as they can be; with `again`, they are dropped all at once first, and come back. Then each
 * must echo a message.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Figures } from '../result.ts';
import { Client, openAll } from './client.ts';
import { dialect } from './dialect.ts';
import { EchoClient } from './echo-client.ts';
import { DRAIN_TIMEOUT_MS, fail, type Load } from './load.ts';
import { Latencies, Measurement } from './measurement.ts';
import { Stream } from './stream.ts';

export interface ConnectsLoad extends Load {
  readonly kind: 'connects';
  readonly path: string;
  readonly connections: number;
  readonly atATime: number;
  readonly again: boolean;
}

const WARM_UP = 500;
const MESSAGE_BYTES = 20;

export async function connects(load: ConnectsLoad): Promise<Figures> {
  const manner = dialect(load.dialect);
  const stream = new Stream(manner, 0, MESSAGE_BYTES, 1);
  const latencies = new Latencies();
  let isMeasuring = false;
  const openMany = (count: number): Promise<Client[]> =>
    openAll(count, load.atATime, async () => {
      const startMs = performance.now();
      const client = await Client.open(load.port, load.path, manner);
      if (isMeasuring) latencies.record(performance.now() - startMs);
      return client;
    });
  const dropped = await openMany(load.again ? load.connections : WARM_UP);

  isMeasuring = true;
  const measurement = new Measurement(load.pids);
  for (const client of dropped) client.drop();
  const clients = await openMany(load.connections);
  const figures = measurement.end(load.connections, latencies.latency);

  let echoed = 0;
  for (const [number, client] of clients.entries()) {
    new EchoClient(client, number, stream, 1, () => echoed++).send(1);
  }
  for (const end = performance.now() + DRAIN_TIMEOUT_MS; echoed < clients.length; await delay(10)) {
    if (performance.now() > end) fail(`${clients.length - echoed} connections do not answer`);
  }
  return figures;
}
