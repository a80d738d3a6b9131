/** A loop's side of offloading: hands tasks to the primary, and settles each call exactly once. */
import { MessageChannel, type MessagePort, type TransferListItem } from 'node:worker_threads';
import { OffloadQueueFullError, OffloadTimeoutError, OffloadWorkerError } from '../errors.ts';
import type { TaskOutcome } from '../offload/offload-worker.ts';
import { type Closable, DEFAULT_TIMEOUT_MS, type OffloadOptions, type Task } from '../offload/tasks.ts';
import { errorOf } from '../plain-error.ts';
import type { LoopToPrimary, OffloadFailed } from './messages.ts';

/** What a timer can wait. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

const ERRORS = {
  full: OffloadQueueFullError,
  timeout: OffloadTimeoutError,
  worker: OffloadWorkerError,
} as const;

/** One call of `offload` that is under way. */
interface Call {
  resolve(result: unknown): void;
  reject(reason: unknown): void;
  /** Lets go of the signal and the connection. */
  release(): void;
}

type Tell = (message: LoopToPrimary, transfer?: readonly TransferListItem[]) => void;

export class Offload {
  /** More of them than the pool can take are never under way: a port for each would be made before the first refusal is heard. */
  readonly #capacity: number;
  readonly #tell: Tell;
  readonly #calls = new Map<number, Call>();
  /** Calls that were aborted, until the primary has closed their port. */
  #aborted = 0;
  /** Calls that were refused in this turn. */
  #refused = 0;
  /** What to do when a connection closes. One promise callback each: those cannot be taken back. */
  readonly #onClose = new WeakMap<Closable, Set<() => void>>();
  #lastNumber = 0;

  constructor(capacity: number, tell: Tell) {
    this.#capacity = capacity;
    this.#tell = tell;
  }

  /** Calls that are not settled. */
  get pending(): number {
    return this.#calls.size;
  }

  async run(task: Task, data: unknown, options: OffloadOptions = {}): Promise<unknown> {
    const { signal, whileOpen, transfer = [] } = options;
    assertTask(task);
    const timeoutMs = checkTimeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    signal?.throwIfAborted();
    if (whileOpen?.isClosed) throw closedError();
    if (this.#calls.size + this.#aborted >= this.#capacity) throw this.#refusal();

    const number = ++this.#lastNumber;
    const { port1, port2 } = new MessageChannel();
    try {
      port1.postMessage(data, [...transfer]);
    } catch (error) {
      // Data that cannot travel.
      port1.close();
      throw error;
    }
    const { module, name } = task;
    this.#tell({ type: 'offload', task: number, module, name, timeoutMs, port: port2 }, [port2]);
    return await new Promise((resolve, reject) => {
      const abort = (reason: unknown): void => {
        this.#tell({ type: 'offload-abort', task: number });
        this.#aborted++;
        port1.once('close', () => this.#aborted--);
        this.#take(number)?.reject(reason);
      };
      const onAbort = (): void => abort(signal?.reason);
      const onClose = (): void => abort(closedError());
      signal?.addEventListener('abort', onAbort, { once: true });
      const closing = whileOpen && this.#closingOf(whileOpen).add(onClose);
      const release = (): void => {
        signal?.removeEventListener('abort', onAbort);
        closing?.delete(onClose);
      };
      this.#calls.set(number, { resolve, reject, release });
      this.#listen(port1, number);
    });
  }

  /** The primary says that nothing comes of a task. */
  failed({ task, cause, message }: OffloadFailed): void {
    this.#take(task)?.reject(new ERRORS[cause](message));
  }

  /** Ports close by themselves when their other end does, which is sure to happen: see `OffloadPool`. */
  #listen(port: MessagePort, number: number): void {
    port.on('message', (outcome: TaskOutcome) => {
      port.close();
      const call = this.#take(number);
      if (outcome.ok) call?.resolve(outcome.result);
      else call?.reject(errorOf(outcome.error));
    });
    // The result travelled, but cannot be made anew on this thread.
    port.on('messageerror', (error) => {
      port.close();
      this.#take(number)?.reject(error);
    });
  }

  /** The primary counts them, and is told once a turn. */
  #refusal(): OffloadQueueFullError {
    if (this.#refused++ === 0)
      setImmediate(() => {
        this.#tell({ type: 'offload-refused', calls: this.#refused });
        this.#refused = 0;
      });
    return new OffloadQueueFullError(
      `${this.#capacity} tasks of this loop are under way, and offloadQueue allows no more`,
    );
  }

  /** Undefined when the call has been settled. */
  #take(number: number): Call | undefined {
    const call = this.#calls.get(number);
    this.#calls.delete(number);
    call?.release();
    return call;
  }

  #closingOf(connection: Closable): Set<() => void> {
    const present = this.#onClose.get(connection);
    if (present) return present;
    const callbacks = new Set<() => void>();
    this.#onClose.set(connection, callbacks);
    void connection.onClose.then(() => {
      for (const callback of callbacks) callback();
    });
    return callbacks;
  }
}

function assertTask(task: unknown): asserts task is Task {
  const { module, name } = (task ?? {}) as Partial<Task>;
  if (typeof module !== 'string' || typeof name !== 'string')
    throw new TypeError('offload needs a task of defineTasks');
}

function checkTimeout(ms: number): number {
  if (ms === Number.POSITIVE_INFINITY || (ms > 0 && ms <= MAX_TIMEOUT_MS)) return ms;
  throw new RangeError(`timeoutMs ${ms} is neither Infinity nor from above 0 to ${MAX_TIMEOUT_MS}`);
}

const closings = new WeakSet<object>();

function closedError(): DOMException {
  const error = new DOMException('the connection of the task is closed', 'AbortError');
  closings.add(error);
  return error;
}

/** True for what a call rejects with when the connection of its `whileOpen` closes. */
export function isEndOfConnection(error: unknown): boolean {
  return typeof error === 'object' && error !== null && closings.has(error);
}
