/** Threads that share a log. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';
import { EPOCH, type SharedLog, underLock } from './shared-log.ts';

export class LogThreads {
  readonly shared: SharedLog;
  /** Printed: what the threads do at random is the same for the same seed, but for when they do it. */
  readonly seed = Math.floor(Math.random() * 2 ** 31);
  readonly #workers: Worker[] = [];

  /** They end with the test. */
  constructor(shared: SharedLog) {
    this.shared = shared;
    console.log(`seed ${this.seed}`);
    onTestFinished(async () => {
      await Promise.all(this.#workers.map((worker) => worker.terminate()));
    });
  }

  /** A thread that runs test/fixtures/`fixture`, as loop `loop`. */
  start(fixture: string, loop: number, data: object): Worker {
    const { log, channels } = this.shared;
    const worker = new Worker(new URL(`../fixtures/${fixture}`, import.meta.url), {
      workerData: { log, channels, epoch: EPOCH, loop, seed: this.seed, ...data },
    });
    this.#workers.push(worker);
    return worker;
  }

  /** Says that the loop has subscribers there. */
  subscribe(channel: string, loop: number): void {
    const { primary } = this.shared;
    if (!primary.name.trySet(channel)) throw new Error(`${channel} is no name`);
    underLock(primary, () => primary.table.setSubscribers(primary.table.findOrCreate(primary.name), loop, 1));
  }
}

/** The next message of a thread; rejects when the thread throws. */
export async function answerOf<T>(worker: Worker): Promise<T> {
  const [answer] = await once(worker, 'message');
  return answer as T;
}
