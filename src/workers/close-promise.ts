/**
 * The promise behind `ws.onClose`. User code hangs callbacks on it; when such a callback throws and nobody handles that,
 * the rejection must count against its connection and not against the whole loop. So every promise derived from it
 * knows the connection, and the loop asks here when it sees an unhandled rejection.
 *
 * Most connections have one for all their life, so it is made to be small: derived promises are plain ones, which V8 makes without
 * functions to settle them, and become of this kind afterwards.
 */
export interface CloseOwner {
  /** A callback of its `onClose` failed. */
  closeCallbackFailed(error: unknown): void;
}

export class ClosePromise<T> extends Promise<T> {
  declare owner: CloseOwner;
  /** Absent in derived promises. */
  declare settle: (value: T) => void;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  constructor(owner: CloseOwner) {
    let settle: (value: T) => void = () => {};
    super((resolve) => {
      settle = resolve;
    });
    this.owner = owner;
    this.settle = settle;
  }

  // biome-ignore lint/suspicious/noThenProperty: a promise has one
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const derived = super.then(onFulfilled, onRejected) as ClosePromise<A | B>;
    Object.setPrototypeOf(derived, ClosePromise.prototype);
    derived.owner = this.owner;
    return derived;
  }
}

/** True when the rejected promise hangs on a connection's `onClose`; that connection has been told. */
export function claimRejection(promise: Promise<unknown>, error: unknown): boolean {
  if (!(promise instanceof ClosePromise)) return false;
  promise.owner.closeCallbackFailed(error);
  return true;
}
