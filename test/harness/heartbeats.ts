import type { Server } from 'polyloop';
import { until } from './until.ts';

/** Lets time pass by the server's own clock: the given number of heartbeats of its first loop. */
export async function heartbeats(server: Server, count: number): Promise<void> {
  const age = (): number => server.loops()[0]?.heartbeatAgeMs ?? 0;
  let last = age();
  for (let seen = 0; seen < count; seen++) {
    await until(() => {
      const now = age();
      const hasBeaten = now < last;
      last = now;
      return hasBeaten;
    });
  }
}
