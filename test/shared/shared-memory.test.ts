import { describe, expect, it } from 'vitest';
import { ChannelLog, threadOf } from '../../src/shared/channel-log.ts';
import { ControlBlock } from '../../src/shared/control-block.ts';
import { seatsFor } from '../../src/shared/layout.ts';
import { createSharedMemory } from '../../src/shared/shared-memory.ts';
import { SharedState } from '../../src/shared/state.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const NO_LIMITS = {
  maxConnections: 0,
  maxConnectionsPerIp: 0,
  upgradesPerSecond: 0,
  messagesPerSecondPerIp: 0,
};

describe.each([1, 8, 64])('the memory of %d loops', (workers) => {
  it('has the pieces that were asked for, and every thread can attach to them', () => {
    const size = {
      workers,
      logBytes: 256 * KIB,
      maxChannels: 1000,
      stateBytes: 512 * KIB,
      ...NO_LIMITS,
    };
    const { control, log, channels, state } = createSharedMemory(size);
    const { epoch, loops } = new ControlBlock(control);
    expect(loops).toBe(workers);
    const seats = seatsFor(workers);
    const threads = Array.from({ length: seats + 1 }, (_, seat) => threadOf(seat));
    expect(new Set(threads).size).toBe(seats + 1);
    for (const thread of threads) {
      const shared = new ChannelLog(log, channels, epoch, thread);
      expect([shared.log.readers, shared.table.loops]).toEqual([seats, seats]);
      expect(shared.log.units * 64).toBe(size.logBytes);
      expect(shared.lock.tryLock()).toBe(true);
      shared.lock.unlock();
      new SharedState(state, thread).counter('c').add(1);
    }
    expect(new SharedState(state, 1).counter('c').get()).toBe(threads.length);
  });
});

it('has nothing for limits that are not set', () => {
  const size = {
    workers: 8,
    logBytes: 256 * KIB,
    maxChannels: 1000,
    stateBytes: 512 * KIB,
    ...NO_LIMITS,
  };
  const bytes = (limits: Partial<typeof NO_LIMITS>): number[] => {
    const { admissions, rates } = createSharedMemory({ ...size, ...limits });
    return [admissions.byteLength, rates.byteLength].map(Math.sign);
  };
  expect(bytes({})).toEqual([0, 0]);
  expect(bytes({ maxConnections: 1 })).toEqual([1, 0]);
  expect(bytes({ maxConnectionsPerIp: 1 })).toEqual([1, 0]);
  expect(bytes({ upgradesPerSecond: 1 })).toEqual([0, 1]);
  expect(bytes({ messagesPerSecondPerIp: 1 })).toEqual([0, 1]);
});

it('takes no pages for what is not used', () => {
  const before = process.memoryUsage().rss;
  const pieces = createSharedMemory({
    workers: 8,
    logBytes: 512 * MIB,
    maxChannels: 1_000_000,
    stateBytes: 512 * MIB,
    ...NO_LIMITS,
    maxConnectionsPerIp: 10,
    messagesPerSecondPerIp: 10,
  });
  const allocated = Object.values(pieces).reduce((sum, piece) => sum + piece.byteLength, 0);
  expect(allocated).toBeGreaterThan(1024 * MIB);
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * MIB);
});
