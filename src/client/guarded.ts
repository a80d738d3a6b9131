import type { CallbackResult } from '../websocket.ts';

/** Runs a callback of the user. `fail` hears of what it throws, or what its promise rejects with. */
export function guarded(run: () => CallbackResult, fail: (error: unknown) => void): void {
  try {
    const result = run();
    if (result !== undefined) Promise.resolve(result).catch(fail);
  } catch (error) {
    fail(error);
  }
}
