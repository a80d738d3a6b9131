/**
 * Finds chains of a heap by the hash of their key. A node is one block: 16 references, by the next 4 bits of the hash. So the
 * index grows and shrinks block by block, and is never moved or rebuilt.
 *
 * ```
 * reference      0: nothing; NODE | block: a node; block: a leaf
 * node           ├ u32 × 16 references ┤                                  (no link: a node is never part of a chain)
 * leaf           ├ u32 next of chain ├ u32 hash ├ u32 sibling ├ … the owner's ┤
 * ```
 * Leaves with the same hash are siblings, one behind the other. The owner compares keys, and holds one lock around every call.
 * The nodes for a new leaf are had in one go, so other tries can share the heap. A reference is changed last of all, when what
 * it leads to is whole.
 *
 * Leaves have an order, that of their position: the hash with its 4-bit digits the other way round, which is the order in
 * which the nodes hold them.
 */
import type { BlockHeap } from './block-heap.ts';
import { BLOCK_WORDS, LeafWord } from './layout.ts';

const NODE = 1 << 31;
const isNode = (reference: number): boolean => (reference & NODE) !== 0;
const blockOf = (reference: number): number => reference & ~NODE;

const BITS_PER_LEVEL = 4;
const LEVELS = 32 / BITS_PER_LEVEL;
const HIGHEST_DIGIT = 32 - BITS_PER_LEVEL;

/** Most blocks that `tryInsert` may need for nodes. */
export const MAX_NEW_NODES = LEVELS;

export class HashTrie {
  readonly #heap: BlockHeap;
  readonly #words: Uint32Array<SharedArrayBuffer>;
  readonly #root: number;
  /** Indexes of the references on the way to where `#descend` ended last, and how many nodes are on it. */
  readonly #path = new Array<number>(LEVELS + 1).fill(0);
  #depth = 0;

  /** The trie whose root reference is `heap.words[root]`; a zero there is an empty trie. */
  constructor(heap: BlockHeap, root: number) {
    this.#heap = heap;
    this.#words = heap.words;
    this.#root = root;
  }

  /** The first leaf with that hash, or 0; go on with `sibling`. */
  first(hash: number): number {
    let reference = this.#words[this.#root] as number;
    for (let shift = 0; isNode(reference); shift += BITS_PER_LEVEL)
      reference = this.#words[blockOf(reference) * BLOCK_WORDS + nibble(hash, shift)] as number;
    return reference !== 0 && this.hashOf(reference) === hash ? reference : 0;
  }

  /** The next leaf with the same hash, or 0. */
  sibling(leaf: number): number {
    return this.#words[leaf * BLOCK_WORDS + LeafWord.sibling] as number;
  }

  hashOf(leaf: number): number {
    return this.#words[leaf * BLOCK_WORDS + LeafWord.hash] as number;
  }

  /** Adds a leaf, writing its hash and sibling. False, with nothing changed, when the heap has no blocks for the nodes. */
  tryInsert(hash: number, leaf: number): boolean {
    const slot = this.#descend(hash);
    const other = this.#words[slot] as number;
    const parts = other !== 0 && this.hashOf(other) !== hash;
    let link = slot;
    let reference = leaf;
    if (parts) {
      const difference = hash ^ this.hashOf(other);
      const deepest = Math.floor((31 - Math.clz32(difference & -difference)) / BITS_PER_LEVEL);
      const highest = this.#depth;
      let node = this.#heap.tryAllocate(deepest - highest + 1);
      if (node === 0) return false;
      // From the node where the two hashes part up to the one that takes their place.
      for (let level = deepest; level >= highest; level--) {
        const after = this.#heap.next(node);
        const start = node * BLOCK_WORDS;
        const digit = start + nibble(hash, level * BITS_PER_LEVEL);
        this.#words.fill(0, start, start + BLOCK_WORDS);
        if (level < deepest) {
          this.#words[digit] = reference;
        } else {
          this.#words[start + nibble(this.hashOf(other), level * BITS_PER_LEVEL)] = other;
          link = digit;
        }
        reference = node | NODE;
        node = after;
      }
    }
    this.#words[leaf * BLOCK_WORDS + LeafWord.hash] = hash;
    this.#words[leaf * BLOCK_WORDS + LeafWord.sibling] = parts ? 0 : other;
    this.#words[link] = leaf;
    this.#words[slot] = reference;
    return true;
  }

  /** Takes a leaf out, and gives back the nodes that it alone needed. The leaf's own chain is the caller's. */
  remove(leaf: number): void {
    this.unlink(leaf);
    this.prune();
  }

  /** Takes a leaf out; nothing is called behind the write. Then comes `prune`. */
  unlink(leaf: number): void {
    let link = this.#descend(this.hashOf(leaf));
    for (let at = this.#words[link] as number; at !== leaf; at = this.#words[link] as number) {
      link = at * BLOCK_WORDS + LeafWord.sibling;
    }
    this.#words[link] = this.#words[leaf * BLOCK_WORDS + LeafWord.sibling] as number;
  }

  /** Gives back the nodes that only the leaf needed that `unlink` has just taken out. */
  prune(): void {
    while (this.#depth > 0) {
      const parent = this.#path[--this.#depth] as number;
      const only = this.#onlyReference(blockOf(this.#words[parent] as number));
      if (only === undefined || isNode(only)) return;
      this.#heap.free(this.#collapse(parent, only));
    }
  }

  /** The leaf with the least position that is not below `position`, or 0; its siblings are behind it. */
  leafFrom(position: number): number {
    return this.#leafFrom(this.#words[this.#root] as number, 0, position);
  }

  /** The position of a leaf; that of leaves behind it is higher, up to 2^32 - 1. */
  positionOf(leaf: number): number {
    return reverseDigits(this.hashOf(leaf));
  }

  #leafFrom(reference: number, level: number, position: number): number {
    if (!isNode(reference)) {
      return reference !== 0 && this.positionOf(reference) >= position ? reference : 0;
    }
    const start = blockOf(reference) * BLOCK_WORDS;
    const first = (position >>> (HIGHEST_DIGIT - level * BITS_PER_LEVEL)) & (BLOCK_WORDS - 1);
    for (let digit = first; digit < BLOCK_WORDS; digit++) {
      const below = this.#words[start + digit] as number;
      // Behind the first digit every leaf is far enough.
      if (below === 0) continue;
      const leaf = this.#leafFrom(below, level + 1, digit === first ? position : 0);
      if (leaf !== 0) return leaf;
    }
    return 0;
  }

  /** Takes everything out at once; the reference is for `free`. */
  detach(): number {
    const reference = this.#words[this.#root] as number;
    this.#words[this.#root] = 0;
    return reference;
  }

  /** Gives back the nodes of what was detached, and calls `visit` with every leaf. Needs no lock but the heap's. */
  free(reference: number, visit: (leaf: number) => void): void {
    if (isNode(reference)) {
      const node = blockOf(reference);
      for (let i = 0; i < BLOCK_WORDS; i++) this.free(this.#words[node * BLOCK_WORDS + i] as number, visit);
      // What was a reference is the link of a chain from here on.
      this.#words[node * BLOCK_WORDS] = 0;
      this.#heap.free(node);
    } else {
      for (let leaf = reference; leaf !== 0; ) {
        const after = this.sibling(leaf);
        visit(leaf);
        leaf = after;
      }
    }
  }

  /** Calls `visit` with every leaf. Leaves that `visit` removes are collected first: it may remove what it is given. */
  forEach(visit: (leaf: number) => void): void {
    const leaves: number[] = [];
    const pending = [this.#words[this.#root] as number];
    for (let reference = pending.pop(); reference !== undefined; reference = pending.pop()) {
      if (isNode(reference)) {
        const start = blockOf(reference) * BLOCK_WORDS;
        for (let i = 0; i < BLOCK_WORDS; i++) pending.push(this.#words[start + i] as number);
      } else {
        for (let leaf = reference; leaf !== 0; leaf = this.sibling(leaf)) leaves.push(leaf);
      }
    }
    for (const leaf of leaves) visit(leaf);
  }

  /** Index of the reference where the way of this hash ends: at a leaf, or at nothing. Leaves the way in `#path`. */
  #descend(hash: number): number {
    let slot = this.#root;
    for (this.#depth = 0; ; this.#depth++) {
      this.#path[this.#depth] = slot;
      const reference = this.#words[slot] as number;
      if (!isNode(reference)) return slot;
      slot = blockOf(reference) * BLOCK_WORDS + nibble(hash, this.#depth * BITS_PER_LEVEL);
    }
  }

  /** The reference in a node that has at most one; undefined when it has more. */
  #onlyReference(node: number): number | undefined {
    let only = 0;
    for (let i = node * BLOCK_WORDS; i < (node + 1) * BLOCK_WORDS; i++) {
      const reference = this.#words[i] as number;
      if (reference === 0) continue;
      if (only !== 0) return undefined;
      only = reference;
    }
    return only;
  }

  /** Puts what was in a node in the node's place; returns the node's block, ready to be freed. */
  #collapse(slot: number, only: number): number {
    const node = blockOf(this.#words[slot] as number);
    this.#words[slot] = only;
    // What was a reference is the link of a chain from here on.
    this.#words[node * BLOCK_WORDS] = 0;
    return node;
  }
}

const nibble = (hash: number, shift: number): number => (hash >>> shift) & (BLOCK_WORDS - 1);

/** The 4-bit digits of a number of 32 bits, the other way round. */
function reverseDigits(hash: number): number {
  const pairs = ((hash & 0x0f0f0f0f) << 4) | ((hash >>> 4) & 0x0f0f0f0f);
  const halves = ((pairs & 0x00ff00ff) << 8) | ((pairs >>> 8) & 0x00ff00ff);
  return ((halves << 16) | (halves >>> 16)) >>> 0;
}
