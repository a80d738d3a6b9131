/** Passes on what a callback under a lock returned. A promise is refused: its work would go on when the lock is free again. */
export function requireSynchronous<T>(result: T, where: string): T {
  if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') {
    throw new TypeError(`${where}: the callback returned a promise; it must be synchronous`);
  }
  return result;
}
