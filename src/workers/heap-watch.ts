import { getHeapStatistics } from 'node:v8';

/** Share of its limit at which a heap is nearly full. V8 collects garbage long before, so what is there then is mostly in use. */
const FULL_SHARE = 0.85;
/** Looks in a row, so that what a collection is about to free does not count. */
const LOOKS = 2;

/** A thread's JavaScript heap, in bytes. */
export interface HeapUse {
  readonly used: number;
  readonly limit: number;
}

/**
 * Gives what looks at this thread's heap; `onFull` is called, each time, when several looks in a row have found it nearly full.
 * `maxBytes` is the limit of its old space that the thread was started with; 0 when it has Node's own.
 */
export function heapWatch(maxBytes: number, onFull: (heap: HeapUse) => void): () => HeapUse {
  let full = 0;
  return () => {
    const { used_heap_size: used, heap_size_limit } = getHeapStatistics();
    // V8's figure counts the young generation too, which is large beside a small old space.
    const heap = { used, limit: maxBytes || heap_size_limit };
    full = used > heap.limit * FULL_SHARE ? full + 1 : 0;
    if (full >= LOOKS) onFull(heap);
    return heap;
  };
}
