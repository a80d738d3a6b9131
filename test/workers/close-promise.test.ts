import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClosePromise, claimRejection } from '../../src/workers/close-promise.ts';

interface Unhandled {
  readonly error: unknown;
  readonly isClaimed: boolean;
}

/** What the loop does on its thread: it asks for the owner of each rejection that nobody handles. */
let unhandled: Unhandled[] = [];
let heard: () => void = () => {};
const listener = (error: unknown, promise: Promise<unknown>): void => {
  unhandled.push({ error, isClaimed: claimRejection(promise, error) });
  heard();
};

let listenersOfVitest: NodeJS.UnhandledRejectionListener[] = [];
beforeEach(() => {
  unhandled = [];
  listenersOfVitest = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', listener);
});
afterEach(() => {
  process.removeAllListeners('unhandledRejection');
  for (const each of listenersOfVitest) process.on('unhandledRejection', each);
});

const nextUnhandled = (): Promise<void> =>
  new Promise((resolve) => {
    heard = resolve;
  });

/** Node tells of unhandled rejections when the microtasks are done, before the next turn of the event loop. */
const nextTurn = (): Promise<void> => new Promise(setImmediate);

const boom = new Error('boom');
const fail = (): never => {
  throw boom;
};

function connection() {
  const told: unknown[] = [];
  const owner = { closeCallbackFailed: (error: unknown) => void told.push(error) };
  const promise = new ClosePromise<string>();
  return { promise, resolve: (value: string) => promise.settle(value, owner), told };
}

describe('the promise behind onClose', () => {
  it('is a promise that resolves once, with the first value', async () => {
    const { promise, resolve, told } = connection();
    expect(promise).toBeInstanceOf(Promise);
    resolve('first');
    resolve('second');
    expect(await promise).toBe('first');
    expect(await promise).toBe('first');
    expect(told).toEqual([]);
  });

  it('calls every callback, those added before and after, and passes on what they return', async () => {
    const { promise, resolve } = connection();
    const before = [promise.then((value) => `${value}!`), promise.then()];
    resolve('closed');
    const after = promise.then(async (value) => `${value}?`);
    expect(await Promise.all([...before, after])).toEqual(['closed!', 'closed', 'closed?']);
  });

  it('works with await and with the static methods of Promise', async () => {
    const { promise, resolve } = connection();
    const results = Promise.all([
      promise,
      Promise.race([promise]),
      Promise.resolve(promise),
      (async () => promise)(),
    ]);
    resolve('closed');
    expect(await results).toEqual(['closed', 'closed', 'closed', 'closed']);
    expect(unhandled).toEqual([]);
  });
});

describe('a connection', () => {
  const chains: [string, (promise: Promise<string>) => Promise<unknown>][] = [
    ['then', (promise) => promise.then(fail)],
    ['an async then', (promise) => promise.then(async () => fail())],
    ['finally', (promise) => promise.finally(fail)],
    ['a then after a then', (promise) => promise.then(() => 'ok').then(fail)],
    ['a then after a catch', (promise) => promise.catch(() => 'never').then(fail)],
    ['a catch after a then', (promise) => promise.then(fail).catch(fail)],
    ['a then before a finally', (promise) => promise.then(fail).finally(() => {})],
    ['a finally after a finally', (promise) => promise.finally(() => {}).finally(fail)],
  ];

  it.each(chains)('is told when a callback of its onClose throws in %s', async (_, attach) => {
    const { promise, resolve, told } = connection();
    const other = connection();
    attach(promise);
    other.promise.then(() => {});
    const rejection = nextUnhandled();
    resolve('closed');
    other.resolve('closed');
    await rejection;
    await nextTurn();
    expect(unhandled).toEqual([{ error: boom, isClaimed: true }]);
    expect(told).toEqual([boom]);
    expect(other.told).toEqual([]);
  });

  it('is told of each callback when several throw', async () => {
    const { promise, resolve, told } = connection();
    const errors = [new Error('one'), new Error('two')];
    for (const error of errors)
      promise.then(() => {
        throw error;
      });
    resolve('closed');
    await nextTurn();
    expect(told).toEqual(errors);
  });

  it('is told when the callback is attached after the end', async () => {
    const { promise, resolve, told } = connection();
    resolve('closed');
    await promise;
    promise.then(fail);
    await nextTurn();
    expect(told).toEqual([boom]);
  });

  it('is not told when the user handles what was thrown', async () => {
    const { promise, resolve, told } = connection();
    const handled = promise.then(fail).catch((error: unknown) => error);
    resolve('closed');
    expect(await handled).toBe(boom);
    await nextTurn();
    expect(unhandled).toEqual([]);
    expect(told).toEqual([]);
  });

  it('is not told of an async function that awaits onClose and throws: its promise is not one of ours', async () => {
    const { promise, resolve, told } = connection();
    const work = async (): Promise<void> => {
      await promise;
      fail();
    };
    void work();
    const rejection = nextUnhandled();
    resolve('closed');
    await rejection;
    expect(unhandled).toEqual([{ error: boom, isClaimed: false }]);
    expect(told).toEqual([]);
  });
});

it('claims no rejection of any other promise', async () => {
  const { told } = connection();
  const rejection = nextUnhandled();
  void Promise.reject(boom);
  await rejection;
  expect(unhandled).toEqual([{ error: boom, isClaimed: false }]);
  expect(told).toEqual([]);
});
