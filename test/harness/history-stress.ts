/**
 * Looking back while other threads publish at full speed, and overwrite what is being looked at.
 *
 * Allowed: messages in order without a gap, each whole and of the channel that was asked, and `complete` true when they are all
 * that was asked for; or a part of them, and `complete` false. Forbidden is all else: a torn, missing or repeated message, one of
 * another channel or beyond the channel's sequence, `complete` where something is missing.
 */
import { expect } from 'vitest';
import { Publisher } from '../../src/shared/publisher.ts';
import { answerOf, LogThreads } from './log-threads.ts';
import { SharedLog, WRAP } from './shared-log.ts';
import { until } from './until.ts';

const START = WRAP - 20_000;
const CHANNELS = 8;

/** What came of looking back. */
export interface HistoryOutcomes {
  readonly complete: number;
  readonly incomplete: number;
  readonly messages: number;
  /** Times that the channel was another life's when it was looked at again. */
  readonly lives: number;
}

export interface HistoryStressOptions {
  readonly mode: 'read' | 'take';
  readonly writers: number;
  readonly ringBytes: number;
  readonly maxChannels: number;
  readonly durationMs: number;
}

/** Nobody reads the log, so nothing keeps writers from what is oldest. */
export async function stressHistory(options: HistoryStressOptions): Promise<HistoryOutcomes> {
  const { mode, writers, ringBytes, maxChannels, durationMs } = options;
  const shared = new SharedLog({ loops: writers + 1, ringBytes, maxChannels, start: START });
  const threads = new LogThreads(shared);
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const flooders = Array.from({ length: writers }, (_, loop) =>
    threads.start('log-flooder.js', loop, { progress, prefix: `${loop + 1}.`, durationMs }),
  );
  const numbers = flooders.map((_, loop) => loop + 1);
  const historian = threads.start('log-historian.js', writers, { mode, stop, writers: numbers });
  const looked = answerOf<HistoryOutcomes>(historian);
  await Promise.race([Promise.all(flooders.map((flooder) => answerOf(flooder))), looked]);
  Atomics.store(stop, 0, 1);
  const outcomes = await looked;
  console.log(`history: ${JSON.stringify(outcomes)}`);
  expect(shared.primary.writer.end).toBeGreaterThan(WRAP);
  return outcomes;
}

export interface JoinOutcomes {
  readonly joins: number;
  readonly found: number;
  /** Records that were found before the reader came to them. */
  readonly ahead: number;
}

/** A reader that looks back in the middle of reading. */
export async function stressJoins(
  writers: number,
  ringBytes: number,
  durationMs: number,
): Promise<JoinOutcomes> {
  const shared = new SharedLog({ loops: writers + 1, ringBytes, start: START });
  const threads = new LogThreads(shared);
  const progress = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 0; i < CHANNELS; i++) threads.subscribe(`c${i}`, writers);
  const joiner = threads.start('log-joiner.js', writers, { progress, prefix: 'c' });
  await answerOf(joiner);
  const joined = answerOf<JoinOutcomes>(joiner);
  const flooders = Array.from({ length: writers }, (_, loop) =>
    threads.start('log-flooder.js', loop, { progress, prefix: 'c', durationMs }),
  );
  await Promise.race([Promise.all(flooders.map((flooder) => answerOf(flooder))), joined]);
  const publisher = new Publisher(shared.primary);
  await until(() => publisher.publish('end', 0, '', 0, 0).ok);
  const outcomes = await joined;
  console.log(`joins: ${JSON.stringify(outcomes)}`);
  return outcomes;
}
