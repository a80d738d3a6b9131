/**
 * The promise behind `ws.onClose`. User code hangs callbacks on it; when such a callback throws and nobody handles that,
 * the rejection must count against its connection and not against the whole loop. So every promise derived from it
 * knows the connection, and the loop asks here when it sees an unhandled rejection.
 *
 * Most connections have one for all their life, so it is made to be small: derived promises are plain ones, which V8 makes without
 * functions to settle them, and become of this kind afterwards; and they are told their connection when it ends, because none can
 * reject before.
 */
export interface CloseOwner {
  /** A callback of its `onClose` failed. */
  closeCallbackFailed(error: unknown): void;
}

export class ClosePromise<T> extends Promise<T> {
  /** Absent until the connection is closed. */
  declare owner?: CloseOwner;
  /** Absent in derived promises. */
  declare resolve: (value: T) => void;
  /** Until the connection is closed: the last that was derived from this one. Those before it follow as a list. */
  declare derived?: ClosePromise<unknown> | undefined;
  declare before?: ClosePromise<unknown> | undefined;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  constructor() {
    let settle: (value: T) => void = () => {};
    super((resolve) => {
      settle = resolve;
    });
    this.resolve = settle;
    this.derived = undefined;
  }

  /** The connection is closed. */
  settle(value: T, owner: CloseOwner): void {
    // What hangs on it is called later, in microtasks.
    this.resolve(value);
    const owned: ClosePromise<unknown>[] = [this as ClosePromise<unknown>];
    for (const promise of owned) {
      for (let one = promise.derived; one !== undefined; one = one.before) owned.push(one);
      promise.owner = owner;
      promise.derived = undefined;
      if (promise.before !== undefined) promise.before = undefined;
    }
  }

  // biome-ignore lint/suspicious/noThenProperty: a promise has one
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const derived = super.then(onFulfilled, onRejected) as ClosePromise<A | B>;
    Object.setPrototypeOf(derived, ClosePromise.prototype);
    if (this.owner !== undefined) derived.owner = this.owner;
    else {
      if (this.derived !== undefined) derived.before = this.derived;
      this.derived = derived as ClosePromise<unknown>;
    }
    return derived;
  }
}

/** True when the rejected promise hangs on a connection's `onClose`; that connection has been told. */
export function claimRejection(promise: Promise<unknown>, error: unknown): boolean {
  if (!(promise instanceof ClosePromise) || promise.owner === undefined) return false;
  promise.owner.closeCallbackFailed(error);
  return true;
}
