/**
 * Runs the tasks of all loops on a Piscina pool. The primary's thread only.
 *
 * The queue is kept here, and Piscina is given a task only when it can run it at once: its own queue has no bound and no order
 * for tasks that can be aborted. Every task that is taken ends once, in one of four ways (`TaskEnd`), and its port is closed then.
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { ResourceLimits, Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { Piscina } from 'piscina';
import type { Config } from '../config.ts';
import type { TaskRun } from '../offload/offload-worker.ts';
import { within } from '../within.ts';
import type { OffloadFailed, OffloadRequest } from '../workers/messages.ts';
import { heapLimits } from './loop-handle.ts';
import { type OffloadSnapshot, OffloadStats, type TaskEnd } from './offload-stats.ts';

const ENTRY = fileURLToPath(new URL('../offload/offload-worker.js', import.meta.url));
/** How long the end of the server waits for offload workers that are in native code, where nothing can end them. */
const CLOSE_TIMEOUT_MS = 1000;

/** A loop's thread as the pool sees it. */
export interface OffloadCaller {
  readonly id: number;
  /** Reloads that the server had begun when the thread was started: tells what code its tasks are of. */
  readonly reloads: number;
  send(message: OffloadFailed): void;
}

interface PooledTask {
  readonly caller: OffloadCaller;
  readonly request: OffloadRequest;
  readonly sinceMs: number;
  readonly controller: AbortController;
  timer: NodeJS.Timeout | undefined;
  /** Set once. */
  end: TaskEnd | undefined;
}

export class OffloadPool {
  readonly #workers: number;
  readonly #maxQueue: number;
  readonly #limits: { resourceLimits?: ResourceLimits };
  readonly #log: Logger;
  readonly #stats = new OffloadStats();
  /** Threads by the code that they have loaded: a task is run by threads that are no older than its loop. */
  readonly #pools = new Map<number, Piscina>();
  /** Threads that live, those that Piscina is done with too. */
  readonly #threads = new Set<Worker>();
  /** Tasks that are queued or running, by caller and number. */
  readonly #tasks = new Map<OffloadCaller, Map<number, PooledTask>>();
  /** In the order in which they came. */
  readonly #queue = new Set<PooledTask>();
  #running = 0;
  #isClosed = false;

  constructor({ workers, offloadWorkers, offloadQueue, maxHeapBytes }: Config, log: Logger) {
    this.#workers = offloadWorkers || Math.max(1, availableParallelism() - workers);
    this.#maxQueue = offloadQueue;
    this.#limits = heapLimits(maxHeapBytes);
    this.#log = log;
  }

  snapshot(): OffloadSnapshot {
    const { ends, refused, waits, runs } = this.#stats;
    return {
      workers: this.#workers,
      queued: this.#queue.size,
      running: this.#running,
      ...ends,
      refused,
      waitMs: waits.summary(),
      runMs: runs.summary(),
    };
  }

  /** Takes a task, or tells the loop that it does not. */
  submit(caller: OffloadCaller, request: OffloadRequest): void {
    if (this.#isClosed) {
      request.port.close();
      return;
    }
    const isBusy = this.#running >= this.#workers;
    if (isBusy && this.#queue.size >= this.#maxQueue) {
      this.#stats.refused++;
      request.port.close();
      tell(
        caller,
        request,
        'full',
        `${this.#queue.size} tasks wait already, and offloadQueue allows no more`,
      );
      return;
    }
    const task: PooledTask = {
      caller,
      request,
      sinceMs: performance.now(),
      controller: new AbortController(),
      timer: undefined,
      end: undefined,
    };
    if (request.timeoutMs !== Number.POSITIVE_INFINITY)
      task.timer = setTimeout(() => this.#timeOut(task), request.timeoutMs).unref();
    const tasks = this.#tasks.get(caller) ?? new Map<number, PooledTask>();
    this.#tasks.set(caller, tasks.set(request.task, task));
    this.#queue.add(task);
    this.#startNext();
  }

  /** Nobody waits for the task any more. One that runs is ended with its thread. */
  abort(caller: OffloadCaller, number: number): void {
    const task = this.#tasks.get(caller)?.get(number);
    if (task) this.#stop(task, 'aborted');
  }

  /** The loop's thread has ended, and its tasks with it. */
  forget(caller: OffloadCaller): void {
    for (const task of this.#tasks.get(caller)?.values() ?? []) this.#stop(task, 'aborted');
    this.#tasks.delete(caller);
  }

  /** Every loop was started after that many reloads: ends the threads with older code. */
  retireBefore(reloads: number): void {
    for (const [age, pool] of this.#pools) {
      if (age >= reloads) continue;
      this.#pools.delete(age);
      void pool.destroy();
    }
  }

  /** Drops what waits and runs, and ends every offload worker. Takes a second at most. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const caller of this.#tasks.keys()) this.forget(caller);
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    const ends = [...this.#threads].map((thread) => once(thread, 'exit'));
    await within(CLOSE_TIMEOUT_MS, Promise.all([...ends, ...pools.map((pool) => pool.destroy())]));
  }

  // ── one task ──

  #startNext(): void {
    for (const task of this.#queue) {
      if (this.#running >= this.#workers) return;
      this.#queue.delete(task);
      void this.#run(task);
    }
  }

  async #run(task: PooledTask): Promise<void> {
    const { module, name, port } = task.request;
    const startMs = performance.now();
    this.#stats.waits.add(startMs - task.sinceMs);
    this.#running++;
    try {
      const options = { transferList: [port], signal: task.controller.signal };
      const isDone: boolean = await this.#poolFor(task.caller).run(
        { module, name, port } satisfies TaskRun,
        options,
      );
      this.#finish(task, isDone ? 'completed' : 'failed');
    } catch (error) {
      // When it was stopped, that is what ended the thread.
      if (this.#finish(task, 'failed'))
        tell(
          task.caller,
          task.request,
          'worker',
          `the offload worker of task ${name} ended: ${(error as Error).message}`,
        );
    }
    // Does nothing when the thread has it, or had.
    port.close();
    this.#stats.runs.add(performance.now() - startMs);
    this.#running--;
    this.#startNext();
  }

  #poolFor({ reloads }: OffloadCaller): Piscina {
    const present = this.#pools.get(reloads);
    if (present) return present;
    const pool = new Piscina({
      filename: ENTRY,
      minThreads: 0,
      maxThreads: this.#workers,
      idleTimeout: Number.POSITIVE_INFINITY,
      // A thread that waits by Atomics between tasks does not turn its loop, and frees no port.
      atomics: 'disabled',
      recordTiming: false,
      ...this.#limits,
    });
    // Nothing of a task's: what it left behind failed on an idle thread, which Piscina replaces.
    pool.on('error', (error: unknown) => this.#log.error({ err: error }, 'offload worker failed'));
    pool.on('workerCreate', () => this.#watch(pool));
    this.#pools.set(reloads, pool);
    return pool;
  }

  #watch(pool: Piscina): void {
    for (const thread of pool.threads) {
      if (this.#threads.has(thread)) continue;
      this.#threads.add(thread);
      thread.once('exit', () => this.#threads.delete(thread));
    }
  }

  #timeOut(task: PooledTask): void {
    const { name, timeoutMs } = task.request;
    const where = this.#queue.has(task) ? 'waiting' : 'running';
    if (this.#stop(task, 'timedOut'))
      tell(
        task.caller,
        task.request,
        'timeout',
        `task ${name} had no result within ${timeoutMs} ms; it was ${where}`,
      );
  }

  /** Ends a task early. False when it had ended. */
  #stop(task: PooledTask, end: 'timedOut' | 'aborted'): boolean {
    if (!this.#finish(task, end)) return false;
    if (this.#queue.delete(task)) task.request.port.close();
    else task.controller.abort();
    return true;
  }

  /** False when it had ended before. */
  #finish(task: PooledTask, end: TaskEnd): boolean {
    if (task.end !== undefined) return false;
    task.end = end;
    this.#stats.ends[end]++;
    clearTimeout(task.timer);
    this.#tasks.get(task.caller)?.delete(task.request.task);
    return true;
  }
}

function tell(
  caller: OffloadCaller,
  { task }: OffloadRequest,
  cause: OffloadFailed['cause'],
  message: string,
): void {
  caller.send({ type: 'offload-failed', task, cause, message });
}
