/** A thread ends with `process.exit()` in a callback under a lock: `finally` is not run there. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { MutexTimeoutError } from '../../src/errors.ts';
import { StateMemory } from '../harness/state-memory.ts';
import { until } from '../harness/until.ts';

const THREAD = new URL('../fixtures/shared-ending-thread.js', import.meta.url);
const ENDED = 2;

const threads: Worker[] = [];
afterEach(async () => {
  await Promise.all(threads.splice(0).map((worker) => worker.terminate()));
});

function startThread(memory: StateMemory, holder: number, job: string): Worker {
  const worker = new Worker(THREAD, { workerData: { memory: memory.memory, holder, job } });
  threads.push(worker);
  return worker;
}

describe('a thread that ended under a lock', () => {
  it.each([
    ['ends in runExclusive', 1],
    ['ends in update', 1],
    ['ends in the update of a new entry', 1],
    ['ends in toJSON of what update stores', 1],
    ['ends in nested callbacks', 4],
  ])('holds up nobody, and leaves everything as it was, when it %s', async (job, locks) => {
    const memory = new StateMemory();
    const state = memory.state(1);
    const [map, second] = [state.map('m'), state.map('n')];
    const mutexes = ['x', 'y'].map((name) => state.mutex(name));
    map.set('key', { kept: true });
    second.set('key', 'kept');
    const { usedBlocks } = memory;
    await once(startThread(memory, ENDED, job), 'exit');
    expect(state.freeLocksOf(ENDED)).toBe(locks);
    expect(state.freeLocksOf(ENDED)).toBe(0);
    expect([...map]).toEqual([['key', { kept: true }]]);
    expect([...second]).toEqual([['key', 'kept']]);
    for (const mutex of mutexes) expect(mutex.runExclusive(() => 'free', { timeoutMs: 0 })).toBe('free');
    expect(memory.usedBlocks).toBe(usedBlocks);
    expect(memory.lostBlocks()).toBe(0);
    // The number goes to the next thread.
    expect(
      memory
        .state(ENDED)
        .map('m')
        .update('key', () => 'changed'),
    ).toBe('changed');
  });

  it('lets those go on who wait already, when its locks are freed', async () => {
    const memory = new StateMemory();
    const state = memory.state(1);
    const mutex = state.mutex('x');
    await once(startThread(memory, ENDED, 'ends in runExclusive'), 'exit');
    expect(() => mutex.runExclusive(() => 1, { timeoutMs: 0 })).toThrow(MutexTimeoutError);
    const waiting = startThread(memory, 3, 'waits for the mutex');
    const result = once(waiting, 'message');
    await once(waiting, 'online');
    const ints = new Int32Array(memory.memory);
    const word = ints.findIndex((value) => (value & 0xff_ffff) === ENDED && value >= 2 ** 30);
    // Marked by the thread that failed above, too; the waiting one sleeps or is about to.
    expect(word).toBeGreaterThan(0);
    await until(() => Atomics.notify(ints, word, 1) === 1);
    state.freeLocksOf(ENDED);
    expect(await result).toEqual(['had it']);
  });

  it('keeps no lock of a thread that lives', async () => {
    const memory = new StateMemory();
    const state = memory.state(1);
    state.mutex('x').runExclusive(() => {
      expect(state.freeLocksOf(ENDED)).toBe(0);
      const another = memory.state(3).mutex('x');
      expect(() => another.runExclusive(() => 1, { timeoutMs: 0 })).toThrow(MutexTimeoutError);
    });
  });
});
