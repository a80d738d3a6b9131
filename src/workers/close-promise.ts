/**
 * The promise behind `ws.onClose`. User code hangs callbacks on it; when such a callback throws and nobody handles that,
 * the rejection must count against its connection and not against the whole loop. So every promise derived from it
 * remembers the connection, and the loop asks here when it sees an unhandled rejection.
 */
const owners = new WeakMap<Promise<unknown>, (error: unknown) => void>();

export class ClosePromise<T> extends Promise<T> {
  // biome-ignore lint/suspicious/noThenProperty: a promise has one
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const derived = super.then(onFulfilled, onRejected);
    const onError = owners.get(this);
    if (onError) owners.set(derived, onError);
    return derived;
  }
}

/** A pending promise with its `resolve`; `onError` hears of what its callbacks throw. */
export function closePromise<T>(onError: (error: unknown) => void): {
  promise: Promise<T>;
  resolve: (value: T) => void;
} {
  let resolve: (value: T) => void = () => {};
  const promise = new ClosePromise<T>((settle) => {
    resolve = settle;
  });
  owners.set(promise, onError);
  return { promise, resolve };
}

/** True when the rejected promise hangs on a connection's `onClose`; that connection has been told. */
export function claimRejection(promise: Promise<unknown>, error: unknown): boolean {
  const onError = owners.get(promise);
  onError?.(error);
  return onError !== undefined;
}
