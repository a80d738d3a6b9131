/** The state as one thread sees it: typed arrays over it, its heap, and the tools that everything kept in it works with. */
import { SharedMemoryFullError } from '../errors.ts';
import { EncodedKey } from './encoded-key.ts';
import type { HashKey } from './half-sip-hash.ts';
import { BLOCK_BYTES, BLOCK_WORDS, HEAP_LINE_OFFSET, HeapWord, StateHeaderWord } from './layout.ts';
import { LockedHeap } from './locked-heap.ts';
import { Mutex } from './mutex.ts';
import { Scratch } from './scratch.ts';

/** Attempts an allocation: 0 when there is no room. */
export type Attempt = () => number;

export class StateView {
  readonly byteLength: number;
  readonly words: Uint32Array<SharedArrayBuffer>;
  readonly ints: Int32Array<SharedArrayBuffer>;
  readonly longs: BigInt64Array<SharedArrayBuffer>;
  readonly doubles: Float64Array<SharedArrayBuffer>;
  readonly heap: LockedHeap;
  readonly hashKey: HashKey;
  /** The number by which locks know this thread. */
  readonly holder: number;
  /** Milliseconds on a clock that all threads share and that never goes back. */
  readonly nowMs: () => number;
  /** Both are overwritten by every call, so by what a callback of the user does, too. */
  readonly key: EncodedKey;
  readonly value = new Scratch();
  /** Frees what has expired in the tables that nobody has locked, until the attempt succeeds; 0 when it does not. */
  readonly reclaim: (attempt: Attempt) => number;

  constructor(
    memory: SharedArrayBuffer,
    holder: number,
    nowMs: () => number,
    reclaim: (attempt: Attempt) => number,
  ) {
    this.words = new Uint32Array(memory);
    this.ints = new Int32Array(memory);
    this.longs = new BigInt64Array(memory);
    this.doubles = new Float64Array(memory);
    this.heap = new LockedHeap(memory, this.ints, holder);
    const blocks = this.words[HEAP_LINE_OFFSET / Uint32Array.BYTES_PER_ELEMENT + HeapWord.end] as number;
    this.byteLength = blocks * BLOCK_BYTES;
    this.hashKey = [
      (this.words[StateHeaderWord.key0] as number) | 0,
      (this.words[StateHeaderWord.key1] as number) | 0,
    ];
    this.key = new EncodedKey(this.hashKey);
    this.holder = holder;
    this.nowMs = nowMs;
    this.reclaim = reclaim;
  }

  /** The lock of an anchor, as this thread sees it. */
  lockOf(anchor: number, name: string): Mutex {
    return new Mutex(this.ints, lockIndex(anchor), this.holder, name);
  }

  /** Encodes a key of the user. Throws for what is no string, or could never be kept. */
  setKey(key: string, owner: string): EncodedKey {
    if (typeof key !== 'string') throw new TypeError(`${owner}: a key is a string, not ${typeof key}`);
    if (key.length > this.byteLength) throw this.full(`a key of ${key.length} characters of ${owner}`);
    this.key.set(key);
    return this.key;
  }

  full(what: string): SharedMemoryFullError {
    return new SharedMemoryFullError(
      `no room for ${what}: the option stateBytes gives ${this.byteLength} bytes`,
    );
  }
}

/** An anchor with a lock has it in the first word behind the link. */
export const lockIndex = (anchor: number): number => anchor * BLOCK_WORDS + 1;
