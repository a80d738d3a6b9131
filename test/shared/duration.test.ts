import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ControlBlock } from '../../src/shared/control-block.ts';
import { Duration, durationSnapshot } from '../../src/shared/duration.ts';
import { COUNTERS, type CounterName, DURATION_NAMES, DURATIONS } from '../../src/shared/layout.ts';

const NO_TOTALS = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<CounterName, number>;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
const times = fc.array(fc.double({ min: 0, max: 20_000, noNaN: true }), { maxLength: 50 });

function filled(name: 'upgrade' | 'lag', msList: readonly number[]): Duration {
  const duration = new Duration(name);
  for (const ms of msList) duration.add(ms);
  return duration;
}

describe.each(DURATION_NAMES)('%s', (name) => {
  const bounds: readonly number[] = DURATIONS[name];

  it('has bounds that ascend', () => {
    expect(bounds).toEqual([...new Set(bounds)].toSorted((a, b) => a - b));
  });

  it('counts a time that is a bound below it, and one that is above all in the last bucket', () => {
    const { longs } = filled(name, [...bounds, 1e9]);
    expect(durationSnapshot(name, longs).counts).toEqual([...bounds.map(() => 1), 1]);
  });

  it('counts a time of 0 in the first bucket', () => {
    expect(durationSnapshot(name, filled(name, [0]).longs)).toMatchObject({
      counts: [1, ...bounds.map(() => 0)],
      sumMs: 0,
    });
  });

  it('has every time between its bounds, and their sum to the microsecond', () => {
    fc.assert(
      fc.property(times, (msList) => {
        const { boundsMs, counts, sumMs } = durationSnapshot(name, filled(name, msList).longs);
        let below = 0;
        for (const [bucket, count] of counts.entries()) {
          below += count;
          expect(below).toBe(
            msList.filter((ms) => ms <= (boundsMs[bucket] ?? Number.POSITIVE_INFINITY)).length,
          );
        }
        expect(Math.abs(sumMs - sum(msList))).toBeLessThanOrEqual(
          msList.length * 0.0006 + sum(msList) * 1e-12,
        );
      }),
    );
  });
});

describe('in the control block', () => {
  const [OLD, NEW] = [0, 1];

  it('adds up over the threads of a loop, those that have ended too', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(times, times), { minLength: 1, maxLength: 4 }), (lives) => {
        const block = ControlBlock.create(1);
        const seen = { upgrade: [] as number[], lag: [] as number[] };
        for (const [index, [upgrades, lags]] of lives.entries()) {
          const slot = block.slot(index % 2 === 0 ? OLD : NEW);
          slot.take(0, index + 1, index + 1, 0);
          slot.writeDurations({ upgrade: filled('upgrade', upgrades), lag: filled('lag', lags) });
          // Behind the counters, which stay as they are.
          expect(slot.readTotals()).toEqual(NO_TOTALS);
          seen.upgrade.push(...upgrades);
          seen.lag.push(...lags);
          for (const name of DURATION_NAMES) {
            const { counts, sumMs } = block.snapshot()[0]?.durations[name] ?? durationSnapshot(name, []);
            const expected = durationSnapshot(name, filled(name, seen[name]).longs);
            expect(counts).toEqual(expected.counts);
            expect(sumMs).toBeCloseTo(expected.sumMs, 6);
          }
          if (index < lives.length - 1) block.retire(slot);
        }
      }),
    );
  });

  it('forgets how a thread was doing when it has ended, and keeps what it counted', () => {
    const block = ControlBlock.create(1);
    const slot = block.slot(OLD);
    slot.take(0, 1, 1, 0);
    slot.tellVitals(1025, 4096, 0.25);
    slot.tellBacklogs(2, 1);
    slot.writeDurations({ upgrade: filled('upgrade', [1]), lag: filled('lag', [1, 2]) });
    expect(block.snapshot()[0]).toMatchObject({
      heapUsedBytes: 2048,
      heapLimitBytes: 4096,
      utilization: 0.25,
      backlogs: 2,
      bufferedBytes: 1024,
    });
    block.retire(slot);
    expect(block.snapshot()[0]).toMatchObject({
      heapUsedBytes: 0,
      heapLimitBytes: 0,
      utilization: 0,
      backlogs: 0,
      bufferedBytes: 0,
    });
    expect(sum(block.snapshot()[0]?.durations.lag.counts ?? [])).toBe(2);
  });
});
