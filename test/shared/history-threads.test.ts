/** History on real threads, for a moment; test/stress does it for long. */
import { describe, expect, it } from 'vitest';
import { stressHistory, stressJoins } from '../harness/history-stress.ts';

const durationMs = 700;

describe('history', () => {
  it('gives exact pages, or says that they are not complete, while writers overwrite what is read', async () => {
    const options = { mode: 'read', writers: 2, ringBytes: 2 ** 14, maxChannels: 64, durationMs } as const;
    const outcomes = await stressHistory(options);
    expect(outcomes.complete).toBeGreaterThan(0);
    expect(outcomes.incomplete).toBeGreaterThan(0);
    expect(outcomes.messages).toBeGreaterThan(0);
  });

  it('never mixes channels or lives while channels are forgotten and made anew', async () => {
    const options = { mode: 'take', writers: 2, ringBytes: 2 ** 16, maxChannels: 5, durationMs } as const;
    const outcomes = await stressHistory(options);
    expect(outcomes.lives).toBeGreaterThan(0);
    expect(outcomes.messages).toBeGreaterThan(0);
  });

  it('and what is read behind its tail are every message once, while others publish', async () => {
    const { joins, found, ahead } = await stressJoins(2, 2 ** 16, durationMs);
    expect(Math.min(joins, found, ahead)).toBeGreaterThan(0);
  });
});
