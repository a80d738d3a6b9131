/**
 * One offload worker: the life of one thread. A Piscina pool of one, so that it is known which task a thread was started for, also when
 * it never comes up. The primary's thread only.
 */
import { fileURLToPath } from 'node:url';
import type { ResourceLimits, Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { TaskRun } from '../offload/offload-worker.ts';

const ENTRY = fileURLToPath(new URL('../offload/offload-worker.js', import.meta.url));

export interface OffloadThreadEvents {
  /** It has ended, or was never there, before it could run anything. */
  startFailed(error: Error): void;
  /** What a task left behind failed on the idle thread, which ends of it. */
  failedIdle(error: unknown): void;
}

export class OffloadThread {
  /** Reloads that the server had begun when the loops were started whose tasks it runs. */
  readonly reloads: number;
  /** Resolves when the thread is gone, which may be long after its end when it is in native code. */
  readonly exited: Promise<void>;
  readonly #pool: Piscina;
  readonly #events: OffloadThreadEvents;
  #thread: Worker | undefined;
  #state: 'starting' | 'up' | 'ended' = 'starting';
  #wasUp = false;
  #hasTask = false;
  #rejectTask: (error: Error) => void = () => {};
  #resolveExited: () => void = () => {};

  /** The thread is started with the first task. */
  constructor(
    reloads: number,
    limits: { readonly resourceLimits?: ResourceLimits },
    events: OffloadThreadEvents,
  ) {
    this.reloads = reloads;
    this.#events = events;
    this.exited = new Promise((resolve) => {
      this.#resolveExited = resolve;
    });
    this.#pool = new Piscina({
      filename: ENTRY,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      // A thread that waits by Atomics between tasks does not turn its loop, and frees no port.
      atomics: 'disabled',
      recordTiming: false,
      ...limits,
    });
    this.#pool.on('workerCreate', () => {
      if (this.#state !== 'starting') return;
      this.#state = 'up';
      this.#wasUp = true;
    });
    // That of a task rejects its run, that of a start has another way: see `#follow`.
    this.#pool.on('error', (error: unknown) => {
      if (this.#state === 'up') events.failedIdle(error);
    });
  }

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  /** It was able to run tasks, whatever it is now. */
  get wasUp(): boolean {
    return this.#wasUp;
  }

  /** It can take a task now; one that starts runs it then. */
  get isFree(): boolean {
    return this.#state !== 'ended' && !this.#hasTask;
  }

  /**
   * Gives whether the task did not throw. Rejects when the thread ends meanwhile, or cannot be started. The signal ends the thread
   * when it runs the task; a thread that still starts goes on without it.
   */
  async run(run: TaskRun, signal: AbortSignal): Promise<boolean> {
    this.#hasTask = true;
    try {
      return await new Promise<boolean>((resolve, reject) => {
        this.#rejectTask = reject;
        // Throws when the operating system has no more threads.
        this.#pool.run(run, { transferList: [run.port], signal }).then(resolve, reject);
        this.#follow();
      });
    } catch (error) {
      if (this.#state === 'up' || !signal.aborted) this.#end(error as Error);
      throw error;
    } finally {
      this.#hasTask = false;
    }
  }

  /** Ends it, whatever it does; what it runs is rejected. */
  destroy(): void {
    this.#state = 'ended';
    // Without a thread Piscina holds a task whose promise it never gave away, and would reject.
    if (this.#thread === undefined) this.#resolveExited();
    else void this.#pool.destroy();
  }

  #follow(): void {
    if (this.#thread !== undefined) return;
    [this.#thread] = this.#pool.threads;
    this.#thread?.once('error', (error: Error) => this.#end(error));
    this.#thread?.once('exit', (code) => {
      this.#end(new Error(`worker exited with code: ${code}`));
      this.#resolveExited();
    });
  }

  #end(error: Error): void {
    if (this.#state === 'ended') return;
    const hasStarted = this.#state === 'up';
    this.destroy();
    if (hasStarted) return;
    // Piscina keeps the task of a thread that did not come up, and starts no other one for it.
    this.#rejectTask(error);
    this.#events.startFailed(error);
  }
}
