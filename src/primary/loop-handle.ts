/** One loop's thread as the primary sees it. */
import { type ResourceLimits, Worker } from 'node:worker_threads';
import { shownPath } from '../config.ts';
import { AppLoadError, ConfigError, LoopError } from '../errors.ts';
import { errorOf, type PlainError } from '../plain-error.ts';
import type { LoopDescriptor } from '../uws.ts';
import { CloseCode } from '../websocket.ts';
import type {
  AppOutline,
  LoopBirth,
  LoopFault,
  LoopToPrimary,
  OffloadRequest,
  PrimaryToLoop,
} from '../workers/messages.ts';

const BYTES_PER_MB = 1024 * 1024;

/** What happens on a loop's thread, told on the primary's. */
export interface LoopEvents {
  log(line: string): void;
  /** User code failed outside a callback, or fills the heap; the loop still works. */
  fault(loop: LoopHandle, fault: LoopFault): void;
  offload(loop: LoopHandle, request: OffloadRequest): void;
  offloadAbort(loop: LoopHandle, task: number): void;
  offloadRefused(calls: number): void;
  /** The thread ends now and waits, blocked, until its slot is released. */
  exiting(loop: LoopHandle): void;
}

export class LoopHandle {
  readonly id: number;
  readonly generation: number;
  readonly seat: number;
  readonly incarnation: number;
  /** Reloads that the server had begun when the thread was started. */
  readonly reloads: number;
  /** It is being drained; another thread serves in its place, or will. */
  isLeaving = false;
  /** Resolves when the loop has loaded the app module; rejects with `AppLoadError`, `ConfigError` or `LoopError`. */
  readonly ready: Promise<LoopDescriptor>;
  /** Undefined until it is ready. */
  outline: AppOutline | undefined;
  /** Resolves when the thread has ended, however. */
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #onListening: ((port: number | null) => void)[] = [];
  readonly #onShed: ((closed: number) => void)[] = [];

  constructor(birth: LoopBirth, reloads: number, events: LoopEvents) {
    this.id = birth.loopId;
    this.generation = birth.generation;
    this.seat = birth.seat;
    this.incarnation = birth.incarnation;
    this.reloads = reloads;
    this.#worker = new Worker(new URL('../workers/loop.js', import.meta.url), {
      workerData: birth,
      name: `polyloop-${birth.loopId}`,
      ...heapLimits(birth.config.maxHeapBytes),
    });
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', () => resolve());
    });
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: LoopToPrimary) => {
        switch (message.type) {
          case 'ready':
            this.outline = message.outline;
            resolve(message.descriptor);
            break;
          case 'failed':
            reject(startError(birth.app, message.error));
            break;
          case 'listening':
            this.#onListening.shift()?.(message.port);
            break;
          case 'fault':
            reject(new LoopError(`loop ${this.id}: ${message.error.message}`, { cause: message.error }));
            events.fault(this, message);
            break;
          case 'offload':
            events.offload(this, message);
            break;
          case 'offload-abort':
            events.offloadAbort(this, message.task);
            break;
          case 'offload-refused':
            events.offloadRefused(message.calls);
            break;
          case 'shed':
            this.#onShed.shift()?.(message.closed);
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

  send(message: PrimaryToLoop): void {
    this.#worker.postMessage(message);
  }

  /** Closes a part of its connections with 1012, spread over that time. Returns how many; 0 when it ends before. */
  shed(fraction: number, spreadMs: number): Promise<number> {
    return new Promise((resolve) => {
      this.#onShed.push(resolve);
      void this.ended.then(() => resolve(0));
      const { serviceRestart: code } = CloseCode;
      this.send({ type: 'shed', fraction, code, reason: 'connect again', spreadMs });
    });
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

/** Bytes as Node wants them; 0 leaves Node's own limit. */
export function heapLimits(bytes: number): { resourceLimits?: ResourceLimits } {
  return bytes === 0 ? {} : { resourceLimits: { maxOldGenerationSizeMb: bytes / BYTES_PER_MB } };
}

/** What the thread tells of is the app module's, unless the files that options name have become bad since the start. */
function startError(app: string, error: PlainError): AppLoadError | ConfigError {
  if (error.name === ConfigError.name) return new ConfigError(error.message);
  return new AppLoadError(shownPath(app), {
    detail: `${error.name}: ${error.message}`,
    cause: errorOf(error),
  });
}
