/**
 * Entries by key, each with a time when it expires: what a map and a rate limiter are made of. Belongs to one thread; every
 * call is made under the table's lock, `lock`, so words are read and written plainly. Only where blocks change hands, the
 * heap takes its own lock.
 *
 * ```
 * anchor         ├ link ├ u32 lock ┤
 *                ├ link ├ u32 trie root ├ u32 entries ├ u32 hand ├ f64 earliest ├ f64 earliest seen ┤
 * entry          ├ link ├ hash ├ sibling ├ u32 key tag ├ f64 expiry ├ u32 × ownWords, the owner's ├ key ├ the owner's … ┤
 * ```
 * An entry that has expired is as good as gone; its blocks are given back when somebody meets it, and by the sweep: a hand
 * that goes round the table, in order of position. Each new entry moves it on by `SWEPT_PER_INSERT` entries, so in the time of one
 * round at most a third as many entries come in as there are, and all that had expired before it go: a table never takes more
 * than twice the room that its live entries took at most. `earliest`, a lower bound of every expiry, tells when there is
 * nothing to sweep; it is found anew in each round.
 *
 * Every call can throw, when the stack is at its end; but no lock is left taken, and the table is whole whenever a call is
 * made, because what belongs together is written without a call in between. The worst is a chain that nobody has any more.
 */
import { BlockHeap } from './block-heap.ts';
import { EncodedKey } from './encoded-key.ts';
import { HashTrie } from './hash-trie.ts';
import { BLOCK_WORDS } from './layout.ts';
import type { Mutex } from './mutex.ts';
import type { Attempt, StateView } from './state-view.ts';

/** Words of the anchor's second block. */
const TableWord = { root: 1, count: 2, hand: 3 } as const;
/** The same block as f64. */
const TableLong = { earliest: 2, earliestSeen: 3 } as const;
/** Words of an entry's first block; the owner's begin at `OWN`. */
const KEY_TAG = 3;
export const EXPIRY_LONG = 2;
export const OWN = 6;
export const BLOCK_LONGS = BLOCK_WORDS / 2;
/** Blocks of an anchor. */
export const TABLE_ANCHOR_BLOCKS = 2;

const SWEPT_PER_INSERT = 4;
/** Entries that are swept between two attempts to allocate. */
const SWEPT_PER_ATTEMPT = 64;
const LAST_POSITION = 2 ** 32 - 1;
/** Behind every position. */
export const END = LAST_POSITION + 1;

export class EntryTable {
  readonly lock: Mutex;
  readonly #view: StateView;
  readonly #words: Uint32Array<SharedArrayBuffer>;
  readonly #doubles: Float64Array<SharedArrayBuffer>;
  readonly #trie: HashTrie;
  readonly #name: string;
  /** An entry that the sweep passes over, whether or not it has expired; 0: none. */
  #spared = 0;
  /** First word of the anchor's second block. */
  readonly #line: number;
  /** Payload word where the key begins. */
  readonly #keyAt: number;
  readonly #onRemove: (entry: number) => void;

  /** Formats an anchor of `TABLE_ANCHOR_BLOCKS` blocks. */
  static format(view: StateView, anchor: number): void {
    const line = view.heap.next(anchor);
    for (const block of [anchor, line])
      view.words.fill(0, block * BLOCK_WORDS + 1, (block + 1) * BLOCK_WORDS);
    view.doubles[line * BLOCK_LONGS + TableLong.earliest] = Number.POSITIVE_INFINITY;
    view.doubles[line * BLOCK_LONGS + TableLong.earliestSeen] = Number.POSITIVE_INFINITY;
  }

  /**
   * The table with that anchor. `onRemove` gives back what an entry has besides its own chain; called before the entry goes.
   * `name` is for messages.
   */
  constructor(
    view: StateView,
    anchor: number,
    ownWords: number,
    name: string,
    onRemove: (entry: number) => void = () => {},
  ) {
    const block = view.heap.next(anchor);
    this.lock = view.lockOf(anchor, `of ${name}`);
    this.#view = view;
    this.#words = view.words;
    this.#doubles = view.doubles;
    this.#line = block * BLOCK_WORDS;
    this.#trie = new HashTrie(view.heap, this.#line + TableWord.root);
    this.#keyAt = OWN - 1 + ownWords;
    this.#name = name;
    this.#onRemove = onRemove;
  }

  // ── finding ──

  /** Entries, the expired ones included that are not yet swept. */
  get count(): number {
    return this.#words[this.#line + TableWord.count] as number;
  }

  /** The entry with that key, expired or not; 0 when there is none. */
  find(key: EncodedKey): number {
    for (let entry = this.#trie.first(key.hash); entry !== 0; entry = this.#trie.sibling(entry)) {
      if (
        this.#words[entry * BLOCK_WORDS + KEY_TAG] === key.tag &&
        this.#view.heap.equals(entry, this.#keyAt, key.words, EncodedKey.wordsOf(key.tag))
      )
        return entry;
    }
    return 0;
  }

  /** Payload word of an entry behind its key. */
  behindKey(entry: number): number {
    return this.#keyAt + EncodedKey.wordsOf(this.#words[entry * BLOCK_WORDS + KEY_TAG] as number);
  }

  /** Reads the key of an entry. */
  keyOf(entry: number): string {
    const { key, heap } = this.#view;
    const tag = this.#words[entry * BLOCK_WORDS + KEY_TAG] as number;
    key.expect(tag);
    heap.load(entry, this.#keyAt, key.words, EncodedKey.wordsOf(tag));
    return key.get();
  }

  /** Calls `visit` with the entries of the next position that has any, from `position` on; returns the position behind it. */
  visitFrom(position: number, visit: (entry: number) => void): number {
    const first = this.#trie.leafFrom(position);
    if (first === 0) return END;
    const behind = this.#trie.positionOf(first) + 1;
    for (let entry = first; entry !== 0; ) {
      const after = this.#trie.sibling(entry);
      visit(entry);
      entry = after;
    }
    return behind;
  }

  // ── expiry ──

  expiryOf(entry: number): number {
    return this.#doubles[entry * BLOCK_LONGS + EXPIRY_LONG] as number;
  }

  /** Call this before an entry gets an earlier expiry than it had: keeps the bounds below it. */
  willExpire(expiryMs: number): void {
    this.#lower(TableLong.earliest, expiryMs);
    this.#lower(TableLong.earliestSeen, expiryMs);
  }

  isExpired(entry: number): boolean {
    const expiry = this.expiryOf(entry);
    return expiry !== Number.POSITIVE_INFINITY && expiry <= this.#view.nowMs();
  }

  /** False: nothing has expired. True: something may have. */
  get mayHaveExpired(): boolean {
    const earliest = this.#long(TableLong.earliest);
    return earliest !== Number.POSITIVE_INFINITY && earliest <= this.#view.nowMs();
  }

  /** Moves the hand over so many entries, or to the end of the round; true at the end. Removes what has expired. */
  sweep(limit: number = SWEPT_PER_ATTEMPT): boolean {
    const nowMs = this.#view.nowMs();
    let hand = this.#words[this.#line + TableWord.hand] as number;
    for (let seen = 0; seen < limit; ) {
      hand = this.visitFrom(hand, (entry) => {
        const expiry = this.expiryOf(entry);
        if (expiry <= nowMs && entry !== this.#spared) this.remove(entry);
        else this.#lower(TableLong.earliestSeen, expiry);
        seen++;
      });
      if (hand > LAST_POSITION) {
        this.#beginRound();
        return true;
      }
    }
    this.#words[this.#line + TableWord.hand] = hand;
    return false;
  }

  /** Sweeps until the attempt succeeds, at most once over everything; 0 when it does not succeed. */
  sweepUntil(attempt: Attempt): number {
    // The first end closes the round that had been begun; the second closes one over everything.
    for (let ends = 0; ends < 2 && this.mayHaveExpired; ) {
      if (this.sweep()) ends++;
      const got = attempt();
      if (got !== 0) return got;
    }
    return 0;
  }

  // ── making and removing ──

  /**
   * A new entry with so many words behind its key. `fill` writes them and the owner's words, before the entry can be found. The
   * key must not be there. Throws `SharedMemoryFullError` when there is no room.
   */
  insert(key: EncodedKey, words: number, expiryMs: number, fill: (entry: number) => void): void {
    if (this.mayHaveExpired) this.sweep(SWEPT_PER_INSERT);
    const blocks = BlockHeap.blocksFor(this.#keyAt + EncodedKey.wordsOf(key.tag) + words);
    if (this.#attempt(0, () => this.#tryInsert(key, blocks, expiryMs, fill)) === 0) this.#throwFull();
  }

  /** Makes room for so many words behind the key. Throws `SharedMemoryFullError`, with nothing changed, when there is none. */
  grow(entry: number, words: number): void {
    const blocks = BlockHeap.blocksFor(this.behindKey(entry) + words);
    const attempt = (): number => (this.#view.heap.tryGrow(entry, blocks) ? 1 : 0);
    if (this.#attempt(entry, attempt) === 0) this.#throwFull();
  }

  /** Gives back what an entry does not need for so many words behind the key. */
  shrink(entry: number, words: number): void {
    this.#view.heap.shrink(entry, BlockHeap.blocksFor(this.behindKey(entry) + words));
  }

  /** A block for an entry, or 0 when there is no room. */
  tryAllocateFor(entry: number): number {
    return this.#attempt(entry, () => this.#view.heap.tryAllocate(1));
  }

  remove(entry: number): void {
    const left = this.count - 1;
    this.#trie.unlink(entry);
    this.#words[this.#line + TableWord.count] = left;
    this.#trie.prune();
    this.#free(entry);
  }

  /** Takes everything out at once. Gives back the blocks when called; that needs no lock but the heap's. */
  detach(): () => void {
    const reference = this.#trie.detach();
    this.#words[this.#line + TableWord.count] = 0;
    return () => this.#trie.free(reference, (entry) => this.#free(entry));
  }

  #free(entry: number): void {
    this.#onRemove(entry);
    this.#view.heap.free(entry);
  }

  #tryInsert(key: EncodedKey, blocks: number, expiryMs: number, fill: (entry: number) => void): number {
    const { heap } = this.#view;
    const entry = heap.tryAllocate(blocks);
    if (entry === 0) return 0;
    this.#words[entry * BLOCK_WORDS + KEY_TAG] = key.tag;
    heap.store(entry, this.#keyAt, key.words, EncodedKey.wordsOf(key.tag));
    this.#doubles[entry * BLOCK_LONGS + EXPIRY_LONG] = expiryMs;
    fill(entry);
    this.willExpire(expiryMs);
    const count = this.count + 1;
    if (this.#trie.tryInsert(key.hash, entry)) {
      this.#words[this.#line + TableWord.count] = count;
      return entry;
    }
    heap.free(entry);
    return 0;
  }

  /** Attempts, and again while there is something to sweep, here and elsewhere. */
  #attempt(spared: number, attempt: Attempt): number {
    this.#spared = spared;
    try {
      return attempt() || this.sweepUntil(attempt) || this.#view.reclaim(attempt);
    } finally {
      this.#spared = 0;
    }
  }

  #beginRound(): void {
    const line = this.#line / 2;
    this.#words[this.#line + TableWord.hand] = 0;
    this.#doubles[line + TableLong.earliest] = this.#doubles[line + TableLong.earliestSeen] as number;
    this.#doubles[line + TableLong.earliestSeen] = Number.POSITIVE_INFINITY;
  }

  #throwFull(): never {
    throw this.#view.full(`an entry of ${this.#name}`);
  }

  #lower(word: number, value: number): void {
    if (value < this.#long(word)) this.#doubles[this.#line / 2 + word] = value;
  }

  #long(word: number): number {
    return this.#doubles[this.#line / 2 + word] as number;
  }
}
