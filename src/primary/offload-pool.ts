/**
 * Runs the tasks of all loops on offload workers. The primary's thread only.
 *
 * The queue is kept here, and an offload worker is given a task only when it can run it at once. Every task that is taken ends once, in one of four ways (`TaskEnd`), and its port is closed then.
 */
import type { ResourceLimits } from 'node:worker_threads';
import type { Logger } from 'pino';
import { availableCores } from '../available-cores.ts';
import type { Config } from '../config.ts';
import { within } from '../within.ts';
import type { OffloadFailed, OffloadRequest } from '../workers/messages.ts';
import { heapLimits } from './loop-handle.ts';
import { type OffloadSnapshot, OffloadStats, type TaskEnd } from './offload-stats.ts';
import { OffloadThread } from './offload-thread.ts';
import { RestartBudget } from './restart-budget.ts';

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
  /** Those that are not gone. A task is run by one that is no older than its loop. */
  readonly #threads = new Set<OffloadThread>();
  /** How long no thread is started when one did not come up. */
  readonly #starts = new RestartBudget(Number.POSITIVE_INFINITY);
  #pause: NodeJS.Timeout | undefined;
  #whyPaused = '';
  /** Tasks that are queued or running, by caller and number. */
  readonly #tasks = new Map<OffloadCaller, Map<number, PooledTask>>();
  /** In the order in which they came. */
  readonly #queue = new Set<PooledTask>();
  #running = 0;
  #isClosed = false;

  constructor({ workers, offloadWorkers, offloadQueue, maxHeapBytes }: Config, log: Logger) {
    this.#workers = offloadWorkers || Math.max(1, availableCores() - workers);
    this.#maxQueue = offloadQueue;
    this.#limits = heapLimits(maxHeapBytes);
    this.#log = log;
  }

  /** Tasks that can run and wait. */
  get capacity(): number {
    return this.#workers + this.#maxQueue;
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

  /** A loop has refused so many calls by itself, because that many of its own were under way. */
  refused(calls: number): void {
    this.#stats.refused += calls;
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
    for (const thread of this.#threads) if (thread.reloads < reloads) thread.destroy();
  }

  /** Drops what waits and runs, and ends every offload worker. Takes a second at most. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const caller of this.#tasks.keys()) this.forget(caller);
    clearTimeout(this.#pause);
    for (const thread of this.#threads) thread.destroy();
    await within(CLOSE_TIMEOUT_MS, Promise.all([...this.#threads].map(({ exited }) => exited)));
  }

  // ── one task ──

  #startNext(): void {
    for (const task of this.#queue) {
      if (this.#running >= this.#workers) return;
      const present = this.#threadsFor(task.caller);
      const thread = present.find(({ isFree }) => isFree) ?? this.#newThread(task.caller);
      // The next that is free takes it.
      if (thread === undefined && present.length > 0) return;
      this.#queue.delete(task);
      if (thread) void this.#run(task, thread);
      else this.#fail(task, `task ${task.request.name} has no offload worker: ${this.#whyPaused}`);
    }
  }

  async #run(task: PooledTask, thread: OffloadThread): Promise<void> {
    const { module, name, port } = task.request;
    const startMs = performance.now();
    this.#stats.waits.add(startMs - task.sinceMs);
    this.#running++;
    try {
      const isDone = await thread.run({ module, name, port }, task.controller.signal);
      this.#finish(task, isDone ? 'completed' : 'failed');
    } catch (error) {
      // When it was stopped, that is what ended the thread.
      const what = thread.wasUp ? 'ended' : 'could not be started';
      this.#fail(task, `the offload worker of task ${name} ${what}: ${(error as Error).message}`);
    }
    // Does nothing when the thread has it, or had.
    port.close();
    this.#stats.runs.add(performance.now() - startMs);
    this.#running--;
    this.#startNext();
  }

  /** Those with the code of its loop that live, first those that are up. */
  #threadsFor({ reloads }: OffloadCaller): OffloadThread[] {
    const living = [...this.#threads].filter((thread) => thread.reloads === reloads && !thread.hasEnded);
    return living.sort((a, b) => Number(b.wasUp) - Number(a.wasUp));
  }

  /** Undefined while none is started, because one did not come up. */
  #newThread({ reloads }: OffloadCaller): OffloadThread | undefined {
    if (this.#pause) return undefined;
    const thread = new OffloadThread(reloads, this.#limits, {
      startFailed: (error) => this.#pauseStarts(error),
      failedIdle: (error) => this.#log.error({ err: error }, 'offload worker failed'),
    });
    this.#threads.add(thread);
    void thread.exited.then(() => this.#threads.delete(thread));
    return thread;
  }

  #pauseStarts(error: Error): void {
    if (this.#pause || this.#isClosed) return;
    const waitMs = this.#starts.take(performance.now()) ?? 0;
    this.#log.error({ err: error, waitMs }, 'offload worker could not be started');
    this.#whyPaused = error.message;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#startNext();
    }, waitMs).unref();
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

  /** For want of an offload worker. */
  #fail(task: PooledTask, message: string): void {
    if (this.#finish(task, 'failed')) tell(task.caller, task.request, 'worker', message);
    task.request.port.close();
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
