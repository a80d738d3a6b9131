/**
 * A heap of blocks of 64 bytes. What is larger than a block is a chain of them, so any free block fits anywhere: there is no
 * outer fragmentation at all, and a chain wastes less than a block, plus 4 bytes in 64 for the links.
 *
 * ```
 * heap line      ├ u32 end ├ u32 first block never used ├ u32 first free block ├ u32 free blocks ├ u32 blocks in use ┤
 * block          ├ u32 next block of the chain, 0: last ├ u32 × 15 payload ┤
 * ```
 * A block is named by its number, so its first word is `words[16 * number]`; number 0 names none. Whoever owns the heap holds
 * one lock around every call; the words are read and written plainly. Blocks are first used in order, so memory that was
 * never needed is never touched.
 *
 * Every call can throw, when the stack of the caller is at its end. So what belongs together is written without a call in
 * between: here, where blocks change hands, and by the owners of chains, who call `store` and write what tells of it next.
 */
import { BLOCK_BYTES, BLOCK_WORDS, CHAIN_WORDS, HeapWord } from './layout.ts';

export class BlockHeap {
  /** All words of the memory; block `n` starts at `n * BLOCK_WORDS`. */
  readonly words: Uint32Array<SharedArrayBuffer>;
  readonly #line: number;

  /** Formats memory that nobody uses yet: blocks from `firstBlock` up to the end of the memory. */
  static format(memory: SharedArrayBuffer, lineOffset: number, firstBlock: number): void {
    const words = new Uint32Array(memory);
    const line = lineOffset / Uint32Array.BYTES_PER_ELEMENT;
    words[line + HeapWord.end] = Math.floor(memory.byteLength / BLOCK_BYTES);
    words[line + HeapWord.untouched] = firstBlock;
  }

  /** Attaches to a formatted heap; its line starts at byte `lineOffset`. */
  constructor(memory: SharedArrayBuffer, lineOffset: number) {
    this.words = new Uint32Array(memory);
    this.#line = lineOffset / Uint32Array.BYTES_PER_ELEMENT;
  }

  get usedBlocks(): number {
    return this.#get(HeapWord.used);
  }

  /** Blocks that can still be had. */
  get freeBlocks(): number {
    return this.#get(HeapWord.end) - this.#get(HeapWord.untouched) + this.#get(HeapWord.free);
  }

  /** Blocks that a payload of so many words takes. */
  static blocksFor(payloadWords: number): number {
    return Math.max(1, Math.ceil(payloadWords / CHAIN_WORDS));
  }

  /** A chain of `count` blocks, or 0 when there are not so many. What is in them is left over from before. */
  tryAllocate(count: number): number {
    const words = this.words;
    const line = this.#line;
    let untouched = words[line + HeapWord.untouched] as number;
    let free = words[line + HeapWord.free] as number;
    if (count > (words[line + HeapWord.end] as number) - untouched + free) return 0;
    let firstFree = words[line + HeapWord.firstFree] as number;
    let first = 0;
    for (let i = 0; i < count; i++) {
      let block = firstFree;
      if (block === 0) {
        block = untouched++;
      } else {
        firstFree = words[block * BLOCK_WORDS] as number;
        free--;
      }
      words[block * BLOCK_WORDS] = first;
      first = block;
    }
    words[line + HeapWord.untouched] = untouched;
    words[line + HeapWord.firstFree] = firstFree;
    words[line + HeapWord.free] = free;
    words[line + HeapWord.used] = (words[line + HeapWord.used] as number) + count;
    return first;
  }

  /** Gives a whole chain back. */
  free(first: number): void {
    const words = this.words;
    const line = this.#line;
    let last = first;
    let count = 1;
    for (
      let next = words[last * BLOCK_WORDS] as number;
      next !== 0;
      next = words[last * BLOCK_WORDS] as number
    ) {
      last = next;
      count++;
    }
    words[last * BLOCK_WORDS] = words[line + HeapWord.firstFree] as number;
    words[line + HeapWord.firstFree] = first;
    words[line + HeapWord.free] = (words[line + HeapWord.free] as number) + count;
    words[line + HeapWord.used] = (words[line + HeapWord.used] as number) - count;
  }

  /** Makes a chain at least so many blocks long, keeping what is in it. False, with nothing changed, when there are not so many. */
  tryGrow(first: number, blocks: number): boolean {
    let last = first;
    let have = 1;
    for (let next = this.next(last); next !== 0 && have < blocks; next = this.next(last)) {
      last = next;
      have++;
    }
    if (have >= blocks) return true;
    const more = this.tryAllocate(blocks - have);
    if (more === 0) return false;
    this.words[last * BLOCK_WORDS] = more;
    return true;
  }

  /** Gives back what a chain has behind so many blocks, at least 1. */
  shrink(first: number, blocks: number): void {
    let last = first;
    for (let i = 1; i < blocks; i++) last = this.next(last);
    const rest = this.next(last);
    this.words[last * BLOCK_WORDS] = 0;
    if (rest !== 0) this.free(rest);
  }

  next(block: number): number {
    return this.words[block * BLOCK_WORDS] as number;
  }

  /** Copies words into the payload of a chain, from payload word `at` on. The chain must be long enough. Calls nothing. */
  store(first: number, at: number, source: Uint32Array, count: number): void {
    const words = this.words;
    let block = first;
    let within = at;
    for (; within >= CHAIN_WORDS; within -= CHAIN_WORDS) block = words[block * BLOCK_WORDS] as number;
    for (let i = 0; i < count; ) {
      const room = i + CHAIN_WORDS - within;
      const end = room < count ? room : count;
      for (let to = block * BLOCK_WORDS + 1 + within; i < end; i++, to++) words[to] = source[i] as number;
      block = words[block * BLOCK_WORDS] as number;
      within = 0;
    }
  }

  /** Copies words out of the payload of a chain, from payload word `at` on. */
  load(first: number, at: number, target: Uint32Array, count: number): void {
    let { block, within } = this.#seek(first, at);
    for (let i = 0; i < count; ) {
      const end = Math.min(count, i + CHAIN_WORDS - within);
      for (let from = block * BLOCK_WORDS + 1 + within; i < end; i++, from++)
        target[i] = this.words[from] as number;
      block = this.next(block);
      within = 0;
    }
  }

  /** Whether the payload of a chain, from payload word `at` on, holds these words. */
  equals(first: number, at: number, expected: Uint32Array, count: number): boolean {
    let { block, within } = this.#seek(first, at);
    for (let i = 0; i < count; ) {
      const end = Math.min(count, i + CHAIN_WORDS - within);
      for (let from = block * BLOCK_WORDS + 1 + within; i < end; i++, from++) {
        if (this.words[from] !== expected[i]) return false;
      }
      block = this.next(block);
      within = 0;
    }
    return true;
  }

  /** Index into `words` of a payload word. */
  indexOf(first: number, at: number): number {
    if (at < CHAIN_WORDS) return first * BLOCK_WORDS + 1 + at;
    const { block, within } = this.#seek(first, at);
    return block * BLOCK_WORDS + 1 + within;
  }

  #seek(first: number, at: number): { block: number; within: number } {
    let block = first;
    let within = at;
    for (; within >= CHAIN_WORDS; within -= CHAIN_WORDS) block = this.next(block);
    return { block, within };
  }

  #get(word: number): number {
    return this.words[this.#line + word] as number;
  }
}
