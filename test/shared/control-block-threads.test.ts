/** Waiting for one another across threads. A thread is known to sleep when `Atomics.notify` says that it woke one. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ControlBlock } from '../../src/shared/control-block.ts';
import { SEAT_OFFSET, StatusWord, slotOffset } from '../../src/shared/layout.ts';
import type { LoopSlot } from '../../src/shared/loop-slot.ts';
import { until } from '../harness/until.ts';

/** Longer than any test may take: a wait that ends by it has failed. */
const NEVER_MS = 60_000;
const THREAD = new URL('../fixtures/control-block-thread.js', import.meta.url);

interface OtherThread {
  readonly worker: Worker;
  readonly gate: Int32Array<SharedArrayBuffer>;
  /** What the method returned there. */
  readonly returned: Promise<unknown>;
  hasReturned: boolean;
}

const threads: Worker[] = [];
afterEach(async () => {
  await Promise.all(threads.splice(0).map((worker) => worker.terminate()));
});

function callElsewhere(block: ControlBlock, method: string, ...args: number[]): OtherThread {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(THREAD, { workerData: { memory: block.memory, gate, method, args } });
  threads.push(worker);
  const returned = once(worker, 'message').then(([value]) => {
    thread.hasReturned = true;
    return value as unknown;
  });
  returned.catch(() => {});
  const thread: OtherThread = { worker, gate, returned, hasReturned: false };
  return thread;
}

/** Wakes the thread that sleeps on the word for no reason. Resolves when it did sleep, so it sleeps now or will again. */
async function wakeForNothing(word: Int32Array<SharedArrayBuffer>): Promise<void> {
  await until(() => Atomics.notify(word, 0) === 1);
}

function newSlot(): {
  block: ControlBlock;
  slot: LoopSlot;
  word: (at: number) => Int32Array<SharedArrayBuffer>;
} {
  const block = ControlBlock.create(1);
  return { block, slot: block.slot(0), word: (at) => new Int32Array(block.memory, slotOffset(0) + at, 1) };
}

describe('waitForRelease', () => {
  it('sleeps until the primary has released this generation', async () => {
    const { block, slot, word } = newSlot();
    const thread = callElsewhere(block, 'waitForRelease', 3, NEVER_MS);
    await wakeForNothing(word(SEAT_OFFSET));
    await wakeForNothing(word(SEAT_OFFSET));
    slot.release(2);
    // It sleeps again after the release of another generation.
    await wakeForNothing(word(SEAT_OFFSET));
    expect(thread.hasReturned).toBe(false);
    slot.release(3);
    expect(await thread.returned).toBe(true);
  });

  it('returns at once when this generation or a later one has been released', () => {
    const { slot } = newSlot();
    slot.release(3);
    expect(slot.waitForRelease(3, 0)).toBe(true);
    expect(slot.waitForRelease(2, 0)).toBe(true);
  });

  it('gives up when the time is over', () => {
    const { slot } = newSlot();
    slot.release(2);
    expect(slot.waitForRelease(3, 0)).toBe(false);
    expect(slot.waitForRelease(3, 1)).toBe(false);
  });
});

describe('waitForNoApp', () => {
  it('sleeps through every other state until the loop has ended', async () => {
    const { block, slot, word } = newSlot();
    slot.state = 'ready';
    const state = word(StatusWord.state * 4);
    const thread = callElsewhere(block, 'waitForNoApp', NEVER_MS);
    await wakeForNothing(state);
    for (const step of ['draining', 'ready'] as const) {
      slot.state = step;
      await wakeForNothing(state);
    }
    expect(thread.hasReturned).toBe(false);
    slot.state = 'ended';
    expect(await thread.returned).toBe(true);
  });

  it('blocks this thread until the other has ended', () => {
    const { block, slot } = newSlot();
    slot.state = 'ready';
    const { gate } = callElsewhere(block, 'end');
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    expect(slot.waitForNoApp(NEVER_MS)).toBe(true);
    expect(slot.state).toBe('ended');
  });

  it.each(['ended', 'starting'] as const)(
    'returns at once, also with no time left, when the loop is %s',
    (state) => {
      const { slot } = newSlot();
      slot.state = state;
      expect(slot.waitForNoApp(0)).toBe(true);
      expect(slot.waitForNoApp(-1)).toBe(true);
    },
  );

  it('gives up when the time is over', () => {
    const { slot } = newSlot();
    slot.state = 'draining';
    expect(slot.waitForNoApp(0)).toBe(false);
    expect(slot.waitForNoApp(1)).toBe(false);
  });

  it('does not sleep when the loop ends between two looks at its state', () => {
    const { slot } = newSlot();
    slot.state = 'ended';
    // The first look still sees what was before.
    vi.spyOn(slot, 'state', 'get').mockReturnValueOnce('draining');
    const wait = vi.spyOn(Atomics, 'wait');
    try {
      expect(slot.waitForNoApp(50)).toBe(true);
      expect(wait.mock.results.map(({ value }) => value)).not.toContain('timed-out');
    } finally {
      wait.mockRestore();
    }
  });
});
