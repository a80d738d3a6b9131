import { setTimeout as delay } from 'node:timers/promises';

/** Waits for work, but not longer than this. Rejects when the work does; leaves no timer behind. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const timeout = new AbortController();
  try {
    await Promise.race([work, delay(ms, undefined, { signal: timeout.signal }).catch(() => {})]);
  } finally {
    timeout.abort();
  }
}
