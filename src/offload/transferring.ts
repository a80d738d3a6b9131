/** How a task moves its result to the loop instead of copying it. */
import type { TransferListItem } from 'node:worker_threads';

const lists = new WeakMap<object, readonly TransferListItem[]>();

/**
 * Returns `value`, and has `transfer` (its buffers and ports) moved to the loop when `value` is what a task results in.
 * Anywhere else it does nothing. Moved buffers are empty on the offload worker afterwards.
 */
export function transferring<T extends object>(value: T, transfer: readonly TransferListItem[]): T {
  lists.set(value, transfer);
  return value;
}

/** What is to be moved with a result; empty when nothing is. */
export function transferListOf(result: unknown): readonly TransferListItem[] {
  return (typeof result === 'object' && result !== null && lists.get(result)) || [];
}
