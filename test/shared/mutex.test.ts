import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { MutexTimeoutError } from '../../src/errors.ts';
import { Mutex } from '../../src/shared/mutex.ts';
import { crew } from '../harness/crew.ts';
import { until } from '../harness/until.ts';

const THREAD = new URL('../fixtures/shared-mutex-thread.js', import.meta.url);
const THREADS = 8;
const TIMES = process.env.POLYLOOP_STRESS === '1' ? 500_000 : 50_000;
const PLAIN_WORD = 16;
/** Set beside the holder's number while somebody may sleep. */
const WAITERS = 2 ** 30;

const newWords = (): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(128));

const threads: Worker[] = [];
afterEach(async () => {
  await Promise.all(threads.splice(0).map((worker) => worker.terminate()));
});

function startThread(words: Int32Array<SharedArrayBuffer>, holder: number, job: 'take' | 'die'): Worker {
  const worker = new Worker(THREAD, { workerData: { words, holder, job } });
  threads.push(worker);
  return worker;
}

describe('holding a mutex', () => {
  it('runs while it is taken, gives it back, and passes on what comes of it', () => {
    const words = newWords();
    const mine = new Mutex(words, 3, 1, '"test"');
    expect(mine.hold(() => mine.isMine)).toBe(true);
    expect(mine.isMine).toBe(false);
  });

  it('gives it back when what runs throws, and throws the same', () => {
    const words = newWords();
    const mine = new Mutex(words, 3, 1, '"test"');
    const boom = new Error('boom');
    const fail = (): never => {
      throw boom;
    };
    expect(() => mine.hold(fail)).toThrow(boom);
    expect(mine.isMine).toBe(false);
    expect(new Mutex(words, 3, 2, '"test"').hold(() => 'free')).toBe('free');
  });
});

describe('a free mutex', () => {
  it('is taken, known as taken by this thread only, and given back', () => {
    const words = newWords();
    const mine = new Mutex(words, 3, 1, '"test"');
    const other = new Mutex(words, 3, 2, '"test"');
    expect(mine.isMine).toBe(false);
    mine.lock();
    expect([mine.isMine, other.isMine]).toEqual([true, false]);
    mine.unlock();
    expect([mine.isMine, other.isMine]).toEqual([false, false]);
    other.lock();
    expect(other.isMine).toBe(true);
  });

  it('uses one word, which is 0 again in the end', () => {
    const words = newWords();
    const mutex = new Mutex(words, 3, 5, '"test"');
    mutex.lock();
    expect(Array.from(words).filter((word) => word !== 0)).toEqual([5]);
    mutex.unlock();
    expect(words.every((word) => word === 0)).toBe(true);
  });

  it('is taken by a try', () => {
    const words = newWords();
    const [mine, other] = [new Mutex(words, 0, 1, '"test"'), new Mutex(words, 0, 2, '"test"')];
    expect(mine.tryLock()).toBe(true);
    expect(other.tryLock()).toBe(false);
    expect(mine.tryLock()).toBe(false);
    mine.unlock();
    expect(other.tryLock()).toBe(true);
  });
});

describe('a mutex that is taken', () => {
  it('throws at once when this thread holds it already', () => {
    const mutex = new Mutex(newWords(), 0, 1, '"test"');
    mutex.lock();
    expect(() => mutex.lock()).toThrow(
      new MutexTimeoutError('mutex "test" is held already by this loop; it is not re-entrant'),
    );
    expect(mutex.isMine).toBe(true);
  });

  it('throws when the time is over, and is still the holder’s', () => {
    const words = newWords();
    const holder = new Mutex(words, 0, 1, '"test"');
    holder.lock();
    expect(() => new Mutex(words, 0, 2, '"test"').lock(1)).toThrow(
      new MutexTimeoutError('mutex "test" was not free within 1 ms'),
    );
    expect(holder.isMine).toBe(true);
    holder.unlock();
    expect(words[0]).toBe(0);
  });

  it('is had by a thread that sleeps, when it is given back', async () => {
    const words = newWords();
    const mutex = new Mutex(words, 0, 1, '"test"');
    mutex.lock();
    const worker = startThread(words, 2, 'take');
    // From the mark on it sleeps or is about to.
    await until(() => Atomics.load(words, 0) === 1 + WAITERS);
    mutex.unlock();
    expect(await once(worker, 'message')).toEqual(['taken']);
    expect(words[0]).toBe(0);
  });

  it('is had by every thread that sleeps, one after the other', async () => {
    const words = newWords();
    const mutex = new Mutex(words, 0, 1, '"test"');
    mutex.lock();
    const workers = [2, 3, 4].map((holder) => startThread(words, holder, 'take'));
    await Promise.all(workers.map((worker) => once(worker, 'online')));
    await until(() => Atomics.load(words, 0) === 1 + WAITERS);
    mutex.unlock();
    const taken = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
    expect(taken).toEqual(['taken', 'taken', 'taken']);
  });
});

describe('a mutex whose holder has ended', () => {
  it('is had by those who wait, when it is freed', async () => {
    const words = newWords();
    await once(startThread(words, 7, 'die'), 'exit');
    expect(words[0]).toBe(7);
    const worker = startThread(words, 2, 'take');
    await until(() => Atomics.load(words, 0) === 7 + WAITERS);
    expect(Mutex.free(words, 0, 7)).toBe(true);
    expect(await once(worker, 'message')).toEqual(['taken']);
  });

  it('is left alone when another thread holds it, or nobody', () => {
    const words = newWords();
    const mutex = new Mutex(words, 0, 1, '"test"');
    expect(Mutex.free(words, 0, 7)).toBe(false);
    mutex.lock();
    expect(Mutex.free(words, 0, 7)).toBe(false);
    expect(mutex.isMine).toBe(true);
  });
});

it('lets one thread at a time do what must not be divided', async () => {
  const words = newWords();
  await crew('shared-mutex-thread.js', THREADS, { words, job: 'count', times: TIMES });
  expect(words[PLAIN_WORD]).toBe(THREADS * TIMES);
  expect(words[0]).toBe(0);
});
