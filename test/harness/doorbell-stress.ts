/**
 * Publishers on threads of their own, each of which waits for a reader to read its record before it publishes the next, while the
 * reader falls asleep and wakes (test/fixtures/log-sleeper.js, log-waker.js).
 *
 * Allowed: every record is read, because it rang, or because the reader was awake. Forbidden: a record that nobody reads.
 */
import { expect } from 'vitest';
import { answerOf, LogThreads } from './log-threads.ts';
import { SharedLog } from './shared-log.ts';

export async function stressDoorbell(publishers: number, rounds: number): Promise<void> {
  const threads = new LogThreads(new SharedLog({ loops: 1 + publishers, ringBytes: 2 ** 16 }));
  const read = new Int32Array(new SharedArrayBuffer(4 * publishers));
  threads.subscribe('c', 0);
  const sleeper = threads.start('log-sleeper.js', 0, { read });
  await answerOf(sleeper);
  const wakers = Array.from({ length: publishers }, (_, index) =>
    threads.start('log-waker.js', 1 + index, { read, index, rounds }),
  );
  const answers = await Promise.all(wakers.map((waker) => answerOf(waker)));
  expect(answers).toEqual(wakers.map(() => ({ rounds, isLost: false })));
  sleeper.postMessage('stop');
  const { sleeps, rings } = await answerOf<{ sleeps: number; rings: number }>(sleeper);
  console.log(`doorbell: ${publishers * rounds} records, ${sleeps} sleeps, ${rings} rings`);
  expect(rings).toBeGreaterThan(rounds / 20);
  expect(sleeps).toBeGreaterThanOrEqual(rings);
}
