/**
 * What an offload worker does with one task. Data and result go by a port that leads straight to the loop; the primary sees
 * neither.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { type PlainError, plainError } from '../plain-error.ts';
import { standBack } from './niceness.ts';
import { transferListOf } from './transferring.ts';

/** What the primary hands over. The data waits in the port. */
export interface TaskRun {
  readonly module: string;
  readonly name: string;
  readonly port: MessagePort;
}

/** What the loop reads from the port, once. */
export type TaskOutcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: PlainError & { readonly code?: string | number } };

type TaskFunction = (data: unknown) => unknown;

standBack();

/** Gives whether the task did not throw. Never rejects: what a task throws is for the loop. */
export default async function runTask({ module, name, port }: TaskRun): Promise<boolean> {
  try {
    const run = await load(module, name);
    const data: unknown = receiveMessageOnPort(port)?.message;
    const result = await run(data);
    port.postMessage({ ok: true, result } satisfies TaskOutcome, [...transferListOf(result)]);
    return true;
  } catch (thrown) {
    const error = { ...plainError(thrown), ...codeOf(thrown) };
    port.postMessage({ ok: false, error } satisfies TaskOutcome);
    return false;
  } finally {
    port.close();
  }
}

async function load(module: string, name: string): Promise<TaskFunction> {
  const exports = (await import(module)) as Record<string, unknown> & { default?: Record<string, unknown> };
  // A module compiled to CommonJS may have its exports one level down.
  const run = exports[name] ?? exports.default?.[name];
  if (typeof run !== 'function') throw new TypeError(`${module} does not export a function ${name}`);
  return run as TaskFunction;
}

/** The code of an error of Node's, or of the app's own. */
function codeOf(thrown: unknown): { code?: string | number } {
  try {
    const { code } = thrown as { code?: unknown };
    return typeof code === 'string' || typeof code === 'number' ? { code } : {};
  } catch {
    return {};
  }
}
