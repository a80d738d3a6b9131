import { afterEach, describe, expect, it, vi } from 'vitest';
import { Doorbell, ring } from '../../src/shared/doorbell.ts';
import { stressDoorbell } from '../harness/doorbell-stress.ts';

const AWAKE = 0;
const ASLEEP = 1;
const BELL = 1;

function newBell() {
  const words = new Int32Array(new SharedArrayBuffer(8));
  let answer = (): void => {};
  let rings = 0;
  const doorbell = new Doorbell(words, BELL, () => {
    rings++;
    answer();
  });
  return {
    words,
    doorbell,
    ring: () => ring(words, BELL),
    get rings() {
      return rings;
    },
    /** Resolves when it is answered the next time. */
    answered: () => new Promise<void>((resolve) => (answer = resolve)),
  };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a doorbell', () => {
  it('is answered once when it rings while the reader waits, however often it rings', async () => {
    const bell = newBell();
    for (let round = 1; round <= 3; round++) {
      bell.doorbell.arm();
      expect(bell.doorbell.tryWait()).toBe(true);
      const answered = bell.answered();
      for (let i = 0; i < 3; i++) bell.ring();
      await answered;
      expect(bell.rings).toBe(round);
      expect(bell.words[BELL]).toBe(AWAKE);
    }
  });

  it('does not let the reader wait when it has rung since it was armed', () => {
    const { doorbell, ring } = newBell();
    doorbell.arm();
    ring();
    expect(doorbell.tryWait()).toBe(false);
  });

  it('notifies nobody when the reader is awake, and only once when it sleeps', () => {
    const { doorbell, ring } = newBell();
    const notify = vi.spyOn(Atomics, 'notify');
    ring();
    doorbell.arm();
    doorbell.disarm();
    ring();
    expect(notify).not.toHaveBeenCalled();
    doorbell.arm();
    ring();
    ring();
    expect(notify).toHaveBeenCalledTimes(1);
  });

  it('keeps one wait when it is disarmed and armed again, and is answered through that', async () => {
    const bell = newBell();
    const waitAsync = vi.spyOn(Atomics, 'waitAsync');
    for (let i = 0; i < 5; i++) {
      bell.doorbell.arm();
      expect(bell.doorbell.tryWait()).toBe(true);
      bell.doorbell.disarm();
    }
    expect(waitAsync).toHaveBeenCalledTimes(1);
    const answered = bell.answered();
    bell.doorbell.arm();
    expect(bell.doorbell.tryWait()).toBe(true);
    bell.ring();
    await answered;
    expect([bell.rings, waitAsync.mock.calls.length]).toEqual([1, 1]);
  });

  it('is answered when it rings between the two steps of going to sleep and an earlier wait is under way', async () => {
    const bell = newBell();
    bell.doorbell.arm();
    bell.doorbell.tryWait();
    bell.doorbell.disarm();
    const answered = bell.answered();
    bell.doorbell.arm();
    bell.ring();
    // It goes by the wait that is under way, which the ring has ended.
    expect(bell.doorbell.tryWait()).toBe(true);
    await answered;
    bell.doorbell.arm();
    const again = bell.answered();
    expect(bell.doorbell.tryWait()).toBe(true);
    bell.ring();
    await again;
    expect(bell.rings).toBe(2);
  });

  it('is awake when a thread begins, also when the one before it slept', () => {
    const words = new Int32Array(new SharedArrayBuffer(8));
    words[BELL] = ASLEEP;
    new Doorbell(words, BELL, () => {});
    expect([...words]).toEqual([0, AWAKE]);
  });
});

describe('between threads', () => {
  it.each([1, 2])(
    'no wake-up is lost when records of %d publishers meet a reader that falls asleep',
    async (publishers) => {
      await stressDoorbell(publishers, 8000);
    },
  );
});
