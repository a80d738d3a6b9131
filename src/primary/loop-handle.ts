/** One loop's thread as the primary sees it. */
import { Worker } from 'node:worker_threads';
import { shownPath } from '../config.ts';
import { AppLoadError, LoopError } from '../errors.ts';
import type { LoopDescriptor } from '../uws.ts';
import type { LoopBirth, LoopToPrimary, PlainError, PrimaryToLoop } from '../workers/messages.ts';

/** What happens on a loop's thread, told on the primary's. */
export interface LoopEvents {
  log(line: string): void;
  /** User code failed outside a callback; the loop still works. */
  fault(loop: LoopHandle, error: PlainError): void;
  /** The thread ends now and waits, blocked, until its slot is released. */
  exiting(loop: LoopHandle): void;
}

export class LoopHandle {
  readonly id: number;
  readonly generation: number;
  /** Resolves when the loop has loaded the app module; rejects with `AppLoadError` or `LoopError`. */
  readonly ready: Promise<LoopDescriptor>;
  /** Resolves when the thread has ended, however. */
  readonly ended: Promise<void>;
  #isEnded = false;
  readonly #worker: Worker;
  readonly #onListening: ((port: number | null) => void)[] = [];

  constructor(birth: LoopBirth, events: LoopEvents) {
    this.id = birth.loopId;
    this.generation = birth.generation;
    this.#worker = new Worker(new URL('../workers/loop.js', import.meta.url), {
      workerData: birth,
      name: `polyloop-${birth.loopId}`,
    });
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#isEnded = true;
        resolve();
      });
    });
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: LoopToPrimary) => {
        switch (message.type) {
          case 'ready':
            resolve(message.descriptor);
            break;
          case 'failed':
            reject(appLoadError(birth.app, message.error));
            break;
          case 'listening':
            this.#onListening.shift()?.(message.port);
            break;
          case 'fault':
            reject(new LoopError(`loop ${this.id}: ${message.error.message}`, { cause: message.error }));
            events.fault(this, message.error);
            break;
          case 'exiting':
            events.exiting(this);
            break;
          case 'log':
            events.log(message.line);
        }
      });
      // An error that the loop's own handlers did not see: its code could not be loaded at all.
      this.#worker.once('error', (error) =>
        reject(new LoopError(`loop ${this.id}: ${String(error)}`, { cause: error })),
      );
      void this.ended.then(() => reject(new LoopError(`loop ${this.id} ended before it was ready`)));
    });
    // Whoever awaits `ready` hears of the failure; nobody has to.
    this.ready.catch(() => {});
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  send(message: PrimaryToLoop): void {
    this.#worker.postMessage(message);
  }

  /** Lets the loop accept by itself, on a port it shares with the other loops. Null when it could not. */
  listen(host: string, port: number): Promise<number | null> {
    return new Promise((resolve) => {
      this.#onListening.push(resolve);
      void this.ended.then(() => resolve(null));
      this.send({ type: 'listen', host, port });
    });
  }
}

function appLoadError(app: string, error: PlainError): AppLoadError {
  const cause = Object.assign(new Error(error.message), { name: error.name, stack: error.stack });
  return new AppLoadError(shownPath(app), { detail: `${error.name}: ${error.message}`, cause });
}
