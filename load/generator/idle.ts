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
/** Memory is steady when it changes by less than this within that time. */
const STEADY_BYTES = 128 * 1024;
const STEADY_MS = 3000;
const LOOK_MS = 500;
/** In multiples of `seconds`: how long that may take. */
const PATIENCE = 10;

/** Waits until what the handshakes left behind has been collected; V8 takes its time when nothing happens. */
async function settle(load: IdleLoad): Promise<void> {
  const endMs = performance.now() + load.seconds * PATIENCE * 1000;
  const steadyMs = Math.min(STEADY_MS, load.seconds * 1000);
  let steady = anonymousBytes(load.pids);
  let sinceMs = performance.now();
  while (performance.now() < endMs && performance.now() - sinceMs < steadyMs) {
    await delay(LOOK_MS);
    const now = anonymousBytes(load.pids);
    if (Math.abs(now - steady) < STEADY_BYTES) continue;
    steady = now;
    sinceMs = performance.now();
  }
}

export async function idle(load: IdleLoad): Promise<Figures> {
  const manner = dialect(load.dialect);
  const open = (count: number): Promise<Client[]> =>
    openAll(count, AT_A_TIME, (number) =>
      Client.open(load.port, load.path.replace('*', String(number % 100)), manner),
    );
  for (const client of await open(WARM_UP)) client.drop();
  await settle(load);
  const kernelBefore = kernelBytes();
  const measurement = new Measurement(load.pids);
  await open(load.connections);
  const figures = measurement.end(load.connections, null);
  await settle(load);
  return {
    ...figures,
    more: { anonymousBytes: anonymousBytes(load.pids), kernelBytes: kernelBytes() - kernelBefore },
  };
}
