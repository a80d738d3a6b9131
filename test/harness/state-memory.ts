/** A state of a test's own, with a clock that the test sets, and a walk over everything in it. */
import { expect } from 'vitest';
import { SharedMemoryFullError } from '../../src/errors.ts';
import {
  BLOCK_WORDS,
  CACHE_LINE_BYTES,
  FIRST_STATE_BLOCK,
  HEAP_LINE_OFFSET,
  HeapWord,
  LeafWord,
  REGISTRY_ROOT_INDEX,
} from '../../src/shared/layout.ts';
import { KINDS } from '../../src/shared/registry.ts';
import { SharedState } from '../../src/shared/state.ts';

const NODE = 2 ** 31;
/** Words of the registry's entries, of a table's second block, and of a limiter's entries. */
const KIND = 3;
const ANCHOR = 4;
const ROOT = 1;
const COUNT = 2;
const OLDEST_BLOCK = 8;

export class StateMemory {
  readonly memory: SharedArrayBuffer;
  nowMs = 1_000_000;
  readonly #words: Uint32Array<SharedArrayBuffer>;

  constructor(byteLength = 2 ** 20) {
    this.memory = SharedState.create(byteLength);
    this.#words = new Uint32Array(this.memory);
  }

  /** The state as the thread with that number sees it. */
  state(holder = 1): SharedState {
    return new SharedState(this.memory, holder, () => this.nowMs);
  }

  get usedBlocks(): number {
    return this.#heapWord(HeapWord.used);
  }

  get freeBlocks(): number {
    const free = this.#heapWord(HeapWord.end) - this.#heapWord(HeapWord.untouched);
    return free + this.#heapWord(HeapWord.free);
  }

  /** Leaves no block free. To be called before the memory is full: it makes a map of its own. */
  useUp(): void {
    const map = this.state(98).map('used up');
    const grow = (): void => {
      for (let length = 1; ; length += CACHE_LINE_BYTES / 2) map.set('', 'x'.repeat(length));
    };
    expect(grow).toThrow(SharedMemoryFullError);
    expect(this.freeBlocks).toBe(0);
  }

  /**
   * Blocks in use that nothing leads to. Throws when something is damaged: a block in two places, a table that counts
   * wrong, a free list that does.
   */
  lostBlocks(): number {
    const seen = new Set<number>();
    for (const entry of this.#leaves(this.#word(REGISTRY_ROOT_INDEX), seen)) this.#walkThing(entry, seen);
    const reachable = seen.size;
    const free = this.#chain(this.#heapWord(HeapWord.firstFree), seen);
    if (free !== this.#heapWord(HeapWord.free)) throw new Error('the free list counts wrong');
    const untouched = this.#heapWord(HeapWord.untouched);
    if (this.usedBlocks + free !== untouched - FIRST_STATE_BLOCK) throw new Error('the heap counts wrong');
    return this.usedBlocks - reachable;
  }

  #walkThing(entry: number, seen: Set<number>): void {
    const kind = KINDS[this.#word(entry * BLOCK_WORDS + KIND)];
    const anchor = this.#word(entry * BLOCK_WORDS + ANCHOR);
    this.#chain(anchor, seen);
    if (kind !== 'map' && kind !== 'rateLimiter') return;
    const line = this.#word(anchor * BLOCK_WORDS) * BLOCK_WORDS;
    const leaves = this.#leaves(this.#word(line + ROOT), seen);
    if (leaves.length !== this.#word(line + COUNT)) throw new Error(`a ${kind} counts wrong`);
    if (kind === 'map') return;
    for (const leaf of leaves) this.#chain(this.#word(leaf * BLOCK_WORDS + OLDEST_BLOCK), seen);
  }

  #leaves(reference: number, seen: Set<number>): number[] {
    const found: number[] = [];
    if (reference >= NODE) {
      const node = reference - NODE;
      this.#see(node, seen);
      for (let i = 0; i < BLOCK_WORDS; i++)
        found.push(...this.#leaves(this.#word(node * BLOCK_WORDS + i), seen));
    } else {
      for (let leaf = reference; leaf !== 0; leaf = this.#word(leaf * BLOCK_WORDS + LeafWord.sibling)) {
        this.#chain(leaf, seen);
        found.push(leaf);
      }
    }
    return found;
  }

  #chain(first: number, seen: Set<number>): number {
    let length = 0;
    for (let block = first; block !== 0; block = this.#word(block * BLOCK_WORDS)) {
      this.#see(block, seen);
      length++;
    }
    return length;
  }

  #see(block: number, seen: Set<number>): void {
    if (seen.has(block) || block < FIRST_STATE_BLOCK || block * CACHE_LINE_BYTES >= this.memory.byteLength)
      throw new Error(`block ${block} is in two places, or none`);
    seen.add(block);
  }

  #word(index: number): number {
    return this.#words[index] as number;
  }

  #heapWord(word: number): number {
    return this.#word(HEAP_LINE_OFFSET / Uint32Array.BYTES_PER_ELEMENT + word);
  }
}

/** The seed of a test's random choices, and a generator of them (xorshift32). */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed = Math.floor(Math.random() * 2 ** 31) + 1) {
    this.seed = seed;
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }
}
