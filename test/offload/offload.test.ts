import { getPriority } from 'node:os';
import { threadId } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { Offloading } from '../harness/offloading.ts';
import { until } from '../harness/until.ts';

let server: Offloading;
let ports: number;

beforeAll(async () => {
  server = await Offloading.start({ offloadQueue: 2 });
  ports = await server.ports();
});

afterEach(() => server.untilIdle(ports));

afterAll(() => server.close());

describe('a task', () => {
  it('starts no thread before the first one is run', async () => {
    const { completed, running, workers } = server.now;
    expect({ completed, running, workers }).toEqual({ completed: 0, running: 0, workers: 1 });
  });

  it('gives its result, also when it is async', async () => {
    expect(await server.run('add', { a: 1, b: 2 })).toEqual({ result: 3 });
    expect(await server.run('addLater', { a: 1, b: 2 })).toEqual({ result: 3 });
  });

  it('runs on a thread of its own, the same one again', async () => {
    const { result } = await server.run('thread');
    expect(result).not.toBe(threadId);
    expect(await server.run('thread')).toEqual({ result });
  });

  it.runIf(process.platform === 'linux')('stands back behind the loops when cores are scarce', async () => {
    expect(await server.run('niceness')).toEqual({ result: 10 });
    expect(getPriority(0)).toBe(0);
  });

  it('rejects with the name, message, stack and code of what it throws', async () => {
    const { error } = await server.run('boil', 'stone');
    expect(error).toMatchObject({ name: 'TeapotError', message: 'cannot boil stone', code: 'E_TEAPOT' });
    expect(error?.stack).toMatch(/cannot boil stone\n +at boil \(.*tasks\.js:\d+:\d+\)/);
  });

  it('rejects with an Error when it throws something else, or rejects itself', async () => {
    expect((await server.run('throwText')).error).toMatchObject({ name: 'Error', message: 'just text' });
    expect((await server.run('rejects')).error).toMatchObject({ name: 'Error', message: 'later' });
  });

  it('rejects when its result cannot travel', async () => {
    expect((await server.run('notCloneable')).error).toMatchObject({ name: 'DataCloneError' });
  });

  it.each(['notAFunction', 'missing'])(
    'rejects when its module exports no such function: %s',
    async (name) => {
      expect((await server.run(name)).error).toMatchObject({
        name: 'TypeError',
        message: expect.stringMatching(new RegExp(`tasks\\.js does not export a function ${name}$`)),
      });
    },
  );

  it('rejects when its data cannot travel, and when the call is not one', async () => {
    expect((await server.get('/refuses-data')).error).toMatchObject({ name: 'DataCloneError' });
    expect((await server.get('/refuses-task')).error).toMatchObject({ name: 'TypeError' });
    expect((await server.get('/refuses-time')).error).toMatchObject({ name: 'RangeError' });
  });
});

describe('buffers', () => {
  it('are copied to the task unless they are to be moved', async () => {
    expect(await server.get('/transfer')).toEqual({ left: 1024, length: 1024, byte: 42 });
    expect(await server.get('/transfer?move')).toEqual({ left: 0, length: 1024, byte: 42 });
  });
});

describe('an abort', () => {
  it('rejects with the reason of the signal when it fired before', async () => {
    const before = server.now;
    expect((await server.get('/signal')).error).toMatchObject({
      name: 'RangeError',
      message: 'changed my mind',
    });
    expect(server.now).toEqual(before);
  });

  it('rejects with the reason of the signal when the task waits, which is never run then', async () => {
    const { aborted, completed } = server.now;
    const release = await server.hold();
    expect((await server.get('/abort')).error).toMatchObject({ message: 'changed my mind' });
    await server.untilQueued(0);
    expect(await release()).toEqual({ result: 'let go' });
    // The result may be here before the primary has counted it.
    await server.untilIdle(ports);
    expect(server.now).toMatchObject({ aborted: aborted + 1, completed: completed + 1 });
  });

  it('ends the task when it runs, and the next one is run', async () => {
    expect((await server.get('/abort?running')).error).toMatchObject({ message: 'changed my mind' });
    expect(await server.run('add', { a: 2, b: 2 })).toEqual({ result: 4 });
  });

  it('comes when the connection closes, for a task that waits and one that runs', async () => {
    const { aborted } = server.now;
    const client = await Client.open(server.fixture.url('/while-open'));
    expect(await client.next()).toBe('held');
    client.socket.terminate();
    expect(await server.fixture.seenInOrder('while open', 2)).toEqual(['AbortError', 'AbortError']);
    await server.untilIdle(ports);
    expect(server.now.aborted).toBe(aborted + 2);
  });

  it('comes at once when the connection is closed already', async () => {
    expect((await server.get('/while-closed')).error).toMatchObject({ name: 'AbortError' });
  });

  it('does not count as a failed callback when the connection is what has ended', async () => {
    const before = await server.fixture.total('handlerErrors');
    const client = await Client.open(server.fixture.url('/not-caught'));
    client.send('hold');
    expect(await client.next()).toBe('held');
    client.socket.terminate();
    await server.untilIdle(ports);
    expect(await server.fixture.total('handlerErrors')).toBe(before);

    const other = await Client.open(server.fixture.url('/not-caught'));
    other.send('water');
    expect(await other.closed).toMatchObject({ code: 1011 });
    expect(await server.fixture.total('handlerErrors')).toBe(before + 1);
  });
});

describe('a full queue', () => {
  it('refuses the next task, and takes one again when there is room', async () => {
    const { refused } = server.now;
    const release = await server.hold();
    const waiting = [server.run('add', { a: 1, b: 1 }), server.run('add', { a: 2, b: 2 })];
    await server.untilQueued(2);
    expect((await server.run('add', { a: 3, b: 3 })).error).toMatchObject({
      name: 'OffloadQueueFullError',
      code: 'OFFLOAD_QUEUE_FULL',
      message: '3 tasks of this loop are under way, and offloadQueue allows no more',
    });
    await until(() => server.now.refused === refused + 1);
    expect(server.now).toMatchObject({ queued: 2, running: 1 });
    await release();
    expect(await Promise.all(waiting)).toEqual([{ result: 2 }, { result: 4 }]);
    expect(await server.run('add', { a: 3, b: 3 })).toEqual({ result: 6 });
  });

  it.each([
    ['calls follow each other in one turn', '', 'result'],
    ['each call of one turn is aborted before the next', '&abort', 'AbortError'],
  ])('is known to the loop without asking, so that no port is made in vain, when %s', async (_, how, end) => {
    const { refused } = server.now;
    const flood = await server.get<{ ports: number; ends: Record<string, number> }>(
      `/flood?calls=1000${how}`,
    );
    expect(flood).toEqual({ ports: ports + 3, ends: { [end]: 3, OffloadQueueFullError: 997 } });
    await until(() => server.now.refused === refused + 997);
    await server.untilIdle(ports);
    expect(await server.run('add', { a: 3, b: 3 })).toEqual({ result: 6 });
  });
});

it('refuses a task of one loop when those of another fill the queue', async () => {
  const loops = await Offloading.start({ workers: 2, offloadQueue: 1 });
  try {
    for (const task of ['endless', 'thread']) await loops.get(`/start?task=${task}`);
    await loops.untilQueued(1);
    const refusals = new Set<string | undefined>();
    // Requests at the same time are on several connections, and those on both loops.
    await until(async () => {
      const outcomes = await Promise.all([1, 2, 3, 4].map((n) => loops.run('add', { a: n, b: n })));
      for (const { error } of outcomes) refusals.add(error?.message);
      return refusals.has('1 tasks wait already, and offloadQueue allows no more');
    });
    expect(loops.now).toMatchObject({ queued: 1, running: 1 });
  } finally {
    await loops.close();
  }
});

describe('a timeout', () => {
  it('ends a task that never ends, and the next one is run', async () => {
    const { timedOut } = server.now;
    const { error } = await server.run('endless', null, 100);
    expect(error).toMatchObject({ name: 'OffloadTimeoutError', code: 'OFFLOAD_TIMEOUT' });
    expect(error?.message).toBe('task endless had no result within 100 ms; it was running');
    expect(await server.run('add', { a: 1, b: 1 })).toEqual({ result: 2 });
    expect(server.now.timedOut).toBe(timedOut + 1);
  });

  it('ends a task that waits too long, and leaves the one that runs', async () => {
    const release = await server.hold();
    const { error } = await server.run('add', { a: 1, b: 1 }, 50);
    expect(error?.message).toBe('task add had no result within 50 ms; it was waiting');
    expect(await release()).toEqual({ result: 'let go' });
  });
});

describe('an offload worker that ends', () => {
  it.each([
    ['exits', 'exit', 3, /ended: worker exited with code: 3/],
    ['leaves an error that nobody catches', 'leaveError', null, /ended: left behind/],
  ])('fails its task and is replaced when that %s', async (_, task, data, message) => {
    const { failed } = server.now;
    const { error } = await server.run(task, data);
    expect(error).toMatchObject({ name: 'OffloadWorkerError', code: 'OFFLOAD_WORKER_FAILED' });
    expect(error?.message).toMatch(message);
    expect(await server.run('add', { a: 1, b: 1 })).toEqual({ result: 2 });
    expect(server.now.failed).toBe(failed + 1);
  });
});

it('fails a task that fills the heap, and hurts nobody else', async () => {
  const small = await Offloading.start({ maxHeapBytes: 64 * 1024 * 1024 });
  try {
    const { error } = await small.run('fillHeap');
    expect(error).toMatchObject({ name: 'OffloadWorkerError', message: expect.stringMatching(/memory/) });
    expect(await small.run('add', { a: 1, b: 1 })).toEqual({ result: 2 });
    expect(small.fixture.generations).toEqual([1]);
  } finally {
    await small.close();
  }
});

describe('what is counted', () => {
  it('has every task in one count, and how long they waited and ran', async () => {
    const before = server.now;
    const release = await server.hold();
    const waiting = server.run('burn', 20);
    await server.untilQueued(1);
    await release();
    await waiting;
    await server.run('boil', 'milk');
    await server.untilIdle(ports);
    const { completed, failed, waitMs, runMs } = server.now;
    expect({ completed, failed }).toEqual({ completed: before.completed + 2, failed: before.failed + 1 });
    expect(waitMs.count).toBe(before.waitMs.count + 3);
    expect(runMs.count).toBe(before.runMs.count + 3);
    expect(runMs.max).toBeGreaterThanOrEqual(20);
    expect(runMs.p99).toBeGreaterThanOrEqual(runMs.p50);
  });
});
