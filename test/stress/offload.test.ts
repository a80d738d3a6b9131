/** Thousands of tasks that end in every way there is, at random. The seed is printed. */
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Offloading } from '../harness/offloading.ts';
import { until } from '../harness/until.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const TASKS = IS_LONG ? 10_000 : 400;
const WORKERS = 2;
/** Node's own, which it starts when they are first needed. */
const NODE_THREADS = 4;
const AT_A_TIME = IS_LONG ? 100 : 40;
const TIMEOUT_MS = IS_LONG ? 600_000 : 60_000;
const SEED = Number(process.env.POLYLOOP_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** Of this process; nothing where there is no /proc. */
const threads = (): number => (process.platform === 'linux' ? readdirSync('/proc/self/task').length : 0);

let server: Offloading;

beforeEach(async () => {
  server = await Offloading.start({ offloadWorkers: WORKERS });
});

afterEach(() => server.close());

test(
  'settles every task once, leaks no port and stays healthy when tasks are aborted, throw, time out and crash',
  async () => {
    const ports = await server.ports();
    const threadsBefore = threads();
    const { ends, wrong } = await server.get<{ ends: Record<string, number>; wrong: number }>(
      `/many?count=${TASKS}&atATime=${AT_A_TIME}&seed=${SEED}`,
    );
    console.log(`seed ${SEED}: ${JSON.stringify(ends)}`);
    expect(wrong).toBe(0);
    expect(Object.values(ends).reduce((sum, count) => sum + count, 0)).toBe(TASKS);

    await server.untilIdle(ports);
    const { completed, failed, timedOut, aborted, refused } = server.now;
    expect(completed + failed + timedOut + aborted + refused).toBe(TASKS);
    // A result may be on its way when the loop aborts the task, or when its time is over: then both are right.
    expect(aborted).toBeLessThanOrEqual(ends.AbortError ?? 0);
    expect(timedOut).toBeGreaterThanOrEqual(ends.OffloadTimeoutError ?? 0);
    expect(failed).toBe((ends.TeapotError ?? 0) + (ends.OffloadWorkerError ?? 0));
    for (let n = 0; n < 10; n++) expect(await server.run('add', { a: n, b: n })).toEqual({ result: 2 * n });
    // Both offload workers work, at the same time, and the threads of all that were ended are gone.
    const releases = [await server.hold(), await server.hold()];
    expect(server.now).toMatchObject({ running: WORKERS, queued: 0 });
    for (const release of releases) expect(await release()).toEqual({ result: 'let go' });
    await until(() => threads() <= threadsBefore + WORKERS + NODE_THREADS);
    expect(server.fixture.generations).toEqual([1]);
  },
  TIMEOUT_MS,
);
