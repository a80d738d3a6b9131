import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { MutexTimeoutError } from '../../src/errors.ts';
import { SharedState } from '../../src/shared/state.ts';
import { crew } from '../harness/crew.ts';

const THREADS = 8;
const TIMES = process.env.POLYLOOP_STRESS === '1' ? 200_000 : 20_000;
const THREAD = new URL('../fixtures/shared-ending-thread.js', import.meta.url);

const newState = (): SharedState => new SharedState(SharedState.create(2 ** 16), 1);

const threads: Worker[] = [];
afterEach(async () => {
  await Promise.all(threads.splice(0).map((worker) => worker.terminate()));
});

/** A thread that holds mutex `x` until the gate opens. */
async function holdElsewhere(): Promise<{ state: SharedState; release: () => Promise<unknown> }> {
  const memory = SharedState.create(2 ** 16);
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(THREAD, {
    workerData: { memory, holder: 2, job: 'stays in runExclusive', gate },
  });
  threads.push(worker);
  await once(worker, 'message');
  const release = (): Promise<unknown> => {
    const result = once(worker, 'message').then(([value]) => value as unknown);
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    return result;
  };
  return { state: new SharedState(memory, 1), release };
}

describe('runExclusive', () => {
  it('returns what the callback returns', () => {
    const mutex = newState().mutex('x');
    expect(mutex.runExclusive(() => 7)).toBe(7);
    expect(mutex.runExclusive(() => undefined)).toBeUndefined();
    expect(mutex.runExclusive(() => null)).toBeNull();
  });

  it('passes the error on, and is free again, when the callback throws', () => {
    const mutex = newState().mutex('x');
    const error = new Error('from the callback');
    const fail = (): never => {
      throw error;
    };
    expect(() => mutex.runExclusive(fail)).toThrow(error);
    expect(mutex.runExclusive(() => 'free')).toBe('free');
  });

  it('throws a TypeError, and is free again, when the callback returns a promise', () => {
    const mutex = newState().mutex('x');
    for (const callback of [async () => 1, () => Promise.resolve(1)]) {
      // As JavaScript may: it does not compile.
      expect(() => mutex.runExclusive(callback as () => unknown)).toThrow(
        new TypeError('runExclusive of mutex "x": the callback returned a promise; it must be synchronous'),
      );
    }
    expect(mutex.runExclusive(() => 'free')).toBe('free');
  });

  it('throws at once inside itself, and goes on', () => {
    const mutex = newState().mutex('x');
    const result = mutex.runExclusive(() => {
      expect(() => mutex.runExclusive(() => 1)).toThrow(
        new MutexTimeoutError('mutex "x" is held already by this loop; it is not re-entrant'),
      );
      return 'went on';
    });
    expect(result).toBe('went on');
    expect(mutex.runExclusive(() => 'free')).toBe('free');
  });

  it('runs inside another mutex', () => {
    const state = newState();
    expect(state.mutex('x').runExclusive(() => state.mutex('y').runExclusive(() => 'both'))).toBe('both');
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '5'])(
    'throws a RangeError when its time is %s',
    (value) => {
      const timeoutMs = value as number;
      expect(() =>
        newState()
          .mutex('x')
          .runExclusive(() => 1, { timeoutMs }),
      ).toThrow(RangeError);
    },
  );

  it('throws a TypeError when it is given no function', () => {
    expect(() =>
      newState()
        .mutex('x')
        .runExclusive(7 as unknown as () => number),
    ).toThrow(TypeError);
  });

  it.each([0, 5])('throws when another thread holds the mutex for longer than %i ms', async (timeoutMs) => {
    const { state, release } = await holdElsewhere();
    const mutex = state.mutex('x');
    let calls = 0;
    expect(() => mutex.runExclusive(() => calls++, { timeoutMs })).toThrow(
      new MutexTimeoutError(`mutex "x" was not free within ${timeoutMs} ms`),
    );
    expect(calls).toBe(0);
    expect(await release()).toBe('stayed');
    expect(mutex.runExclusive(() => calls++)).toBe(0);
  });

  it('is not held up by another mutex', async () => {
    const { state, release } = await holdElsewhere();
    expect(state.mutex('y').runExclusive(() => 'free', { timeoutMs: 0 })).toBe('free');
    await release();
  });
});

it('lets one thread at a time do what must not be divided', async () => {
  const plain = new Int32Array(new SharedArrayBuffer(8));
  const memory = SharedState.create(2 ** 16);
  await crew('shared-exclusive-thread.js', THREADS, { memory, plain, times: TIMES });
  expect(plain[0]).toBe(THREADS * TIMES);
});
