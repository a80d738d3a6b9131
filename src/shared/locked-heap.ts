import { BlockHeap } from './block-heap.ts';
import { HEAP_LINE_OFFSET, STATE_HEAP_LOCK_INDEX } from './layout.ts';
import { Mutex } from './mutex.ts';

/**
 * The heap of the state. Its chains belong to many tables, each under a lock of its own, so the heap takes its own lock, and
 * only where blocks change hands: what is in a chain is guarded by whoever owns the chain. Nothing else is locked while
 * this lock is held.
 */
export class LockedHeap extends BlockHeap {
  readonly #lock: Mutex;

  /** Attaches for the thread with that holder number. */
  constructor(memory: SharedArrayBuffer, ints: Int32Array<SharedArrayBuffer>, holder: number) {
    super(memory, HEAP_LINE_OFFSET);
    this.#lock = new Mutex(ints, STATE_HEAP_LOCK_INDEX, holder, 'of the shared heap');
  }

  override tryAllocate(count: number): number {
    this.#lock.lock();
    try {
      return super.tryAllocate(count);
    } finally {
      this.#lock.unlock();
    }
  }

  override free(first: number): void {
    this.#lock.lock();
    try {
      super.free(first);
    } finally {
      this.#lock.unlock();
    }
  }
}
