/**
 * Writers and readers of one log, each on a thread of its own. Every reader checks every record (test/fixtures/log-follower.js).
 *
 * Allowed: a reader gets each record of each writer once, whole, in the writer's order, each channel's sequence is 1, 2, 3 …, and
 * all readers get the same records in the same order; a writer is refused with `log-full` and tries the same record again.
 * Forbidden is all else: a record that is torn, missing, repeated or out of order, another refusal, a throw, a reader that sleeps on.
 */
import { expect } from 'vitest';
import { Publisher } from '../../src/shared/publisher.ts';
import { answerOf, LogThreads } from './log-threads.ts';
import { SharedLog } from './shared-log.ts';
import { until } from './until.ts';

const CHANNELS = 8;

export interface LogStressOptions {
  readonly writers: number;
  readonly readers: number;
  readonly ringBytes: number;
  /** Where positions start. */
  readonly start: number;
  readonly durationMs: number;
}

interface FlooderAnswer {
  readonly writer: number;
  readonly published: number;
  readonly refused: number;
}

interface FollowerAnswer {
  readonly count: number;
  readonly sequencesHash: number;
  readonly numbers: [writer: number, number: number][];
  readonly sleeps: number;
}

/** Returns where positions ended. */
export async function stressLog(options: LogStressOptions): Promise<number> {
  const { writers, readers, ringBytes, start, durationMs } = options;
  const shared = new SharedLog({ loops: readers + writers, ringBytes, start });
  const threads = new LogThreads(shared);
  const progress = new Int32Array(new SharedArrayBuffer(4));
  for (let loop = 0; loop < readers; loop++) {
    // The first reader has subscribers everywhere, the others on fewer channels: those are woken less, and lag.
    for (let i = loop; i < CHANNELS; i++) threads.subscribe(`c${i}`, loop);
    threads.subscribe('end', loop);
  }
  const followers = Array.from({ length: readers }, (_, loop) =>
    threads.start('log-follower.js', loop, { progress }),
  );
  await Promise.all(followers.map((follower) => answerOf(follower)));
  const followed = Promise.all(followers.map((follower) => answerOf<FollowerAnswer>(follower)));
  const flooders = Array.from({ length: writers }, (_, i) =>
    threads.start('log-flooder.js', readers + i, { progress, prefix: 'c', durationMs }),
  );
  const flooded = Promise.all(flooders.map((flooder) => answerOf<FlooderAnswer>(flooder)));
  // A reader that throws ends the test at once.
  await Promise.race([flooded, followed]);
  const published = await flooded;
  const publisher = new Publisher(shared.primary);
  await until(() => publisher.publish('end', 0, '', 0, 0).ok);
  const seen = await followed;
  const total = published.reduce((sum, flooder) => sum + flooder.published, 0);
  const refused = published.reduce((sum, flooder) => sum + flooder.refused, 0);
  const sleeps = seen.map((follower) => follower.sleeps);
  console.log(`log: ${total} records, ${refused} refusals, sleeps of the readers ${sleeps.join(', ')}`);
  const numbers = published.map(({ writer, published }) => [writer, published]).sort();
  for (const { count, sequencesHash, numbers: read } of seen) {
    expect(count).toBe(total);
    expect(read).toEqual(numbers);
    expect(sequencesHash).toBe(seen[0]?.sequencesHash);
  }
  expect(Math.min(...published.map(({ published }) => published))).toBeGreaterThan(0);
  return shared.primary.writer.end;
}
