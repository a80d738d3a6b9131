/** Connections that wait: what the server's processes and the kernel hold when so many are open. */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { anonymousBytes, kernelBytes } from '../process-figures.ts';
import type { Figures } from '../result.ts';
import { Client, openAll } from './client.ts';
import { dialect } from './dialect.ts';
import type { Load } from './load.ts';
import { Measurement } from './measurement.ts';

export interface IdleLoad extends Load {
  readonly kind: 'idle';
  /** A number from 0 to 99 is put where a `*` is. */
  readonly path: string;
  readonly connections: number;
}

const AT_A_TIME = 50;
/** Connections that come and go first, so that code is compiled and what loading the app left behind is collected. */
const WARM_UP = 500;
/** Connections that are there before, for what is made room for once. */
const BASE = 1000;
/** Memory is steady when its lowest has not become lower by more than this for so long, in multiples of `seconds`. */
const STEADY_BYTES = 128 * 1024;
const STEADY = 8;
const LOOK_MS = 500;
/** How long that may take, in the same. */
const PATIENCE = 40;

/**
 * Waits until what the handshakes left behind has been collected; V8 takes its time when nothing happens. Gives the lowest that was
 * seen, because the garbage of a server's own timers comes and goes.
 */
async function settledBytes({ pids, seconds }: IdleLoad): Promise<number> {
  const endMs = performance.now() + seconds * PATIENCE * 1000;
  let lowest = anonymousBytes(pids);
  let sinceMs = performance.now();
  while (performance.now() < endMs && performance.now() - sinceMs < seconds * STEADY * 1000) {
    await delay(LOOK_MS);
    const now = anonymousBytes(pids);
    if (now < lowest - STEADY_BYTES) sinceMs = performance.now();
    lowest = Math.min(lowest, now);
  }
  return lowest;
}

export async function idle(load: IdleLoad): Promise<Figures> {
  const manner = dialect(load.dialect);
  const open = (count: number): Promise<Client[]> =>
    openAll(count, AT_A_TIME, (number) =>
      Client.open(load.port, load.path.replace('*', String(number % 100)), manner),
    );
  for (const client of await open(WARM_UP)) client.drop();
  await open(BASE);
  const bytesBefore = await settledBytes(load);
  const kernelBefore = kernelBytes();
  const measurement = new Measurement(load.pids);
  await open(load.connections);
  const figures = measurement.end(load.connections, null);
  const bytes = (await settledBytes(load)) - bytesBefore;
  // This end of each connection is in the kernel too.
  const kernel = (kernelBytes() - kernelBefore) / 2;
  const more = {
    bytesPerConnection: bytes / load.connections,
    kernelBytesPerConnection: kernel / load.connections,
  };
  return { ...figures, more };
}
