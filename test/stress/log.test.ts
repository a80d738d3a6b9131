/**
 * The log, its doorbells and its history on real threads for as long as it takes to meet what is rare. With POLYLOOP_STRESS=1 only:
 * test/shared does the same for a moment.
 */
import { describe, expect, it } from 'vitest';
import { stressDoorbell } from '../harness/doorbell-stress.ts';
import { stressHistory, stressJoins } from '../harness/history-stress.ts';
import { stressLog } from '../harness/log-stress.ts';
import { WRAP } from '../harness/shared-log.ts';

const MINUTE = 60_000;

describe.runIf(process.env.POLYLOOP_STRESS === '1')('for long, at full speed', () => {
  it(
    'every reader gets every record, whole and in the same order, when 2 writers meet 2 readers',
    async () => {
      const options = { writers: 2, readers: 2, ringBytes: 2 ** 20, start: WRAP - 1_000_000 };
      expect(await stressLog({ ...options, durationMs: 10 * MINUTE })).toBeGreaterThan(WRAP);
    },
    12 * MINUTE,
  );

  it.each([
    ['4 writers meet 4 readers in a small log', 4, 4, 2 ** 14],
    ['4 writers meet 4 readers in a large log', 4, 4, 2 ** 24],
    ['1 writer meets 1 reader', 1, 1, 2 ** 16],
  ])(
    'every reader gets every record, whole and in the same order, when %s',
    async (_, writers, readers, ringBytes) => {
      const options = { writers, readers, ringBytes, start: WRAP - 100_000 };
      expect(await stressLog({ ...options, durationMs: 2 * MINUTE })).toBeGreaterThan(WRAP);
    },
    4 * MINUTE,
  );

  it.each([1, 2, 4])(
    'no wake-up is lost when records of %d publishers meet a reader that falls asleep',
    (publishers) => stressDoorbell(publishers, 500_000),
    10 * MINUTE,
  );

  it.each([
    ['read', 2 ** 14, 64],
    ['read', 2 ** 20, 64],
    ['take', 2 ** 16, 5],
  ] as const)(
    'looking back by %s in a ring of %d bytes with at most %d channels gives exact messages, or says that some are missing',
    async (mode, ringBytes, maxChannels) => {
      const options = { mode, writers: 3, ringBytes, maxChannels, durationMs: MINUTE };
      expect((await stressHistory(options)).messages).toBeGreaterThan(0);
    },
    3 * MINUTE,
  );

  it(
    'what is found, and what is read behind it, are every message once',
    async () => {
      expect((await stressJoins(3, 2 ** 18, MINUTE)).joins).toBeGreaterThan(0);
    },
    3 * MINUTE,
  );
});
