/** The log on real threads, for a moment; test/stress does it for long. */
import { expect, it } from 'vitest';
import { stressLog } from '../harness/log-stress.ts';
import { WRAP } from '../harness/shared-log.ts';

it.each([
  ['2 writers meet 2 readers in a small log', 2, 2, 2 ** 14],
  ['2 writers meet 2 readers in a large log', 2, 2, 2 ** 20],
  ['4 writers meet 1 reader', 4, 1, 2 ** 16],
  ['1 writer meets 4 readers', 1, 4, 2 ** 16],
])(
  'every reader gets every record, whole and in the same order, when %s',
  async (_, writers, readers, ringBytes) => {
    const start = WRAP - 20_000;
    const end = await stressLog({ writers, readers, ringBytes, start, durationMs: 600 });
    expect(end).toBeGreaterThan(WRAP);
  },
);
