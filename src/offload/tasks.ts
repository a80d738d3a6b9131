/** The contract of tasks: functions of a module of their own, which offload workers run for the loops. */
import type { TransferListItem } from 'node:worker_threads';

/** Types only: what a task takes and gives. No task has such a property. */
declare const signature: unique symbol;

/** Names one function of a task module. Made by `defineTasks`, run by `loop.offload`. */
export interface Task<Data = unknown, Result = unknown> {
  /** `file:` URL of the task module. */
  readonly module: string;
  /** Name of the exported function. */
  readonly name: string;
  /** Never there: it carries the types of data and result. */
  readonly [signature]?: (data: Data) => Result;
}

type TaskFunction = (data: never) => unknown;
type DataOf<Arguments extends readonly unknown[]> = Arguments extends readonly [] ? undefined : Arguments[0];

/** The tasks of a module: its exported functions of one argument or none. What they return is awaited. */
export type Tasks<Module> = {
  readonly [Name in keyof Module as Module[Name] extends TaskFunction ? Name : never]: Module[Name] extends (
    ...args: infer Arguments
  ) => infer Result
    ? Task<DataOf<Arguments>, Awaited<Result>>
    : never;
};

/** A connection as far as a task depends on it; every `WebSocket` is one. */
export interface Closable {
  /** It is closed. */
  readonly isClosed: boolean;
  /** Resolves when it is closed; never rejects. */
  readonly onClose: Promise<unknown>;
}

/** What ends a task early, and what is moved to it. */
export interface OffloadOptions {
  /** Aborts the task; `offload` rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Aborts the task when this connection closes; `offload` rejects with an `AbortError`. */
  readonly whileOpen?: Closable | undefined;
  /** Milliseconds from the call to the result, at most, waiting included. `Infinity` is no limit. Default: 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Buffers and ports of `data` that are moved to the task instead of copied; here they are empty afterwards. */
  readonly transfer?: readonly TransferListItem[] | undefined;
}

/** What follows the task in a call of `offload`. Data may be left out where the task takes none. */
export type OffloadArguments<Data> = undefined extends Data
  ? [data?: Data, options?: OffloadOptions]
  : [data: Data, options?: OffloadOptions];

export const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Names the functions of a module as tasks. Does not load the module: offload workers do, and loops need not.
 *
 * `const tasks = defineTasks<typeof import('./tasks.js')>(new URL('./tasks.js', import.meta.url));`
 *
 * Throws `TypeError` for what is no `file:` URL.
 * @typeParam Module - Type of the module: `typeof import('./tasks.js')`. Without it, any name is a task that takes and gives anything.
 */
export function defineTasks<Module extends object = Record<string, (data: unknown) => unknown>>(
  module: URL | string,
): Tasks<Module> {
  const { protocol, href } = new URL(module);
  if (protocol !== 'file:') throw new TypeError(`defineTasks needs the file: URL of a module, not ${href}`);
  const tasks = new Map<string, Task>();
  const taskOf = (name: string): Task => {
    const task = tasks.get(name) ?? Object.freeze({ module: href, name });
    tasks.set(name, task);
    return task;
  };
  return new Proxy(Object.freeze({}), {
    get: (_, name) => (typeof name === 'string' ? taskOf(name) : undefined),
  }) as Tasks<Module>;
}
