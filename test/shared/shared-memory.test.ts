import { describe, expect, it } from 'vitest';
import { ChannelLog, threadOf } from '../../src/shared/channel-log.ts';
import { ControlBlock } from '../../src/shared/control-block.ts';
import { createSharedMemory } from '../../src/shared/shared-memory.ts';
import { SharedState } from '../../src/shared/state.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

describe.each([1, 8, 64])('the memory of %d loops', (workers) => {
  it('has the pieces that were asked for, and every thread can attach to them', () => {
    const size = { workers, logBytes: 256 * KIB, maxChannels: 1000, stateBytes: 512 * KIB };
    const { control, log, channels, state } = createSharedMemory(size);
    const { epoch, loops } = new ControlBlock(control);
    expect(loops).toBe(workers);
    const threads = Array.from({ length: workers + 1 }, (_, loop) => threadOf(loop));
    expect(new Set(threads).size).toBe(workers + 1);
    for (const thread of threads) {
      const shared = new ChannelLog(log, channels, epoch, thread);
      expect([shared.log.readers, shared.table.loops]).toEqual([workers, workers]);
      expect(shared.log.units * 64).toBe(size.logBytes);
      expect(shared.lock.tryLock()).toBe(true);
      shared.lock.unlock();
      new SharedState(state, thread).counter('c').add(1);
    }
    expect(new SharedState(state, 1).counter('c').get()).toBe(threads.length);
  });
});

it('takes no pages for what is not used', () => {
  const before = process.memoryUsage().rss;
  const pieces = createSharedMemory({
    workers: 8,
    logBytes: 512 * MIB,
    maxChannels: 1_000_000,
    stateBytes: 512 * MIB,
  });
  const allocated = Object.values(pieces).reduce((sum, piece) => sum + piece.byteLength, 0);
  expect(allocated).toBeGreaterThan(1024 * MIB);
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * MIB);
});
