/**
 * What the threads know of each channel. Any thread has one; every call is made under the append lock, so words are read and
 * written plainly.
 *
 * ```
 * entry          ├ link ├ hash ├ sibling ├ u32 name bytes ┤                                      a leaf of the table's trie
 *                ├ f64 sequence ├ f64 position of the last record ├ f64 life ┤
 *                ├ u32 idle before ├ u32 idle after ┤                                            neighbours in the idle list
 *                ├ u32 subscribers on other nodes ┤
 *                ├ u32 × ⌈loops / 32⌉ loops with interest ├ u32 × loops subscribers ├ name ┤
 * ```
 * A channel is made when it is first subscribed to or published to, and given a life: a number that no other has had. While
 * nobody subscribes it is in the idle list, oldest first, and from the old end of that it is forgotten when the table is full and
 * the place is needed. Records of it may still be unread then, and name an entry that is another channel's by now: they
 * do no harm, since they lie before every position where a subscriber of that channel began.
 */
import { randomFillSync } from 'node:crypto';
import { BlockHeap } from './block-heap.ts';
import type { EncodedName } from './encoded-name.ts';
import { MAX_NAME_BYTES } from './encoded-name.ts';
import type { HashKey } from './half-sip-hash.ts';
import { HashTrie, MAX_NEW_NODES } from './hash-trie.ts';
import {
  BLOCK_BYTES,
  BLOCK_WORDS,
  CHANNELS_MAGIC,
  ChannelsHeaderWord,
  FIRST_CHANNEL_BLOCK,
  HEAP_LINE_OFFSET,
  LAYOUT_VERSION,
  TableLong,
  TableWord,
} from './layout.ts';
import { NO_POSITION } from './log-writer.ts';
import { ensureStackRoom } from './stack-room.ts';

/** Words of an entry's first block, by index from its start. */
const EntryWord = { nameBytes: 3, idleBefore: 10, idleAfter: 11, elsewhere: 12 } as const;
/** The same block as f64. */
export const EntryLong = { sequence: 2, last: 3, life: 4 } as const;
const BLOCK_LONGS = BLOCK_WORDS / 2;
/** Payload word of the chain where the interest begins; payload word 0 is word 1 of the first block. */
const INTEREST = 12;
const LOOPS_PER_WORD = 32;
/** Places of the trie that are looked at in one hold of the lock. */
const WALK_STEPS = 512;
const LAST_PLACE = 2 ** 32 - 1;

export class ChannelTable {
  /** Called when a channel has got its first subscriber on this node, or lost its last one. Under the lock. */
  onInterest: (entry: number, isWanted: boolean) => void = () => {};
  /** Whether a channel may be forgotten whose last record is at that position. Under the lock. */
  mayForget: (last: number) => boolean = () => true;
  /** Lives are given by the engine: a new channel has none, 0, until the bridge has asked. */
  isOrdered = false;
  readonly loops: number;
  readonly hashKey: HashKey;
  readonly maxChannels: number;
  readonly #heap: BlockHeap;
  readonly #trie: HashTrie;
  readonly #words: Uint32Array<SharedArrayBuffer>;
  readonly #longs: Float64Array<SharedArrayBuffer>;
  /** Payload words where the counts and the name begin. */
  readonly #counts: number;
  readonly #name: number;

  /** Allocates the table. Primary only. Room for so many channels, whatever their names. */
  static create(loops: number, maxChannels: number): SharedArrayBuffer {
    const blocks =
      maxChannels * (BlockHeap.blocksFor(payloadWords(loops, MAX_NAME_BYTES)) + 1) + MAX_NEW_NODES;
    const memory = new SharedArrayBuffer((FIRST_CHANNEL_BLOCK + blocks) * BLOCK_BYTES);
    const words = new Uint32Array(memory, 0, BLOCK_WORDS);
    const key = randomFillSync(new Uint32Array(2));
    words[ChannelsHeaderWord.version] = LAYOUT_VERSION;
    words[ChannelsHeaderWord.loops] = loops;
    words[ChannelsHeaderWord.maxChannels] = maxChannels;
    words[ChannelsHeaderWord.key0] = key[0] as number;
    words[ChannelsHeaderWord.key1] = key[1] as number;
    BlockHeap.format(memory, HEAP_LINE_OFFSET, FIRST_CHANNEL_BLOCK);
    words[ChannelsHeaderWord.magic] = CHANNELS_MAGIC;
    return memory;
  }

  /** Attaches to memory that `create` made; any thread. Throws when it is something else. */
  constructor(memory: SharedArrayBuffer) {
    this.#heap = new BlockHeap(memory, HEAP_LINE_OFFSET);
    this.#words = this.#heap.words;
    this.#longs = new Float64Array(memory);
    const word = (index: number): number => this.#words[index] as number;
    if (
      word(ChannelsHeaderWord.magic) !== CHANNELS_MAGIC ||
      word(ChannelsHeaderWord.version) !== LAYOUT_VERSION
    ) {
      throw new RangeError('shared memory has another layout than this version of polyloop');
    }
    this.loops = word(ChannelsHeaderWord.loops);
    this.hashKey = [word(ChannelsHeaderWord.key0) | 0, word(ChannelsHeaderWord.key1) | 0];
    this.maxChannels = word(ChannelsHeaderWord.maxChannels);
    this.#trie = new HashTrie(this.#heap, TableWord.root);
    this.#counts = INTEREST + interestWords(this.loops);
    this.#name = this.#counts + this.loops;
  }

  get count(): number {
    return this.#words[TableWord.count] as number;
  }

  /** Bytes that the channels take now. */
  get usedBytes(): number {
    return this.#heap.usedBlocks * BLOCK_BYTES;
  }

  // ── finding ──

  /** The entry with that name, or 0. */
  find(name: EncodedName): number {
    for (let entry = this.#trie.first(name.hash); entry !== 0; entry = this.#trie.sibling(entry)) {
      if (
        this.#words[entry * BLOCK_WORDS + EntryWord.nameBytes] === name.byteLength &&
        this.#heap.equals(entry, this.#name, name.words, name.wordLength)
      )
        return entry;
    }
    return 0;
  }

  /** The entry with that name, made when there is none; 0 when the table is full of channels with subscribers. */
  findOrCreate(name: EncodedName): number {
    return this.find(name) || this.#create(name);
  }

  #create(name: EncodedName): number {
    ensureStackRoom();
    if (this.count >= this.maxChannels && !this.#forgetOldest()) return 0;
    const payload = this.#name + name.wordLength;
    const entry = this.#heap.tryAllocate(BlockHeap.blocksFor(payload));
    if (entry === 0) return 0;
    for (let i = INTEREST; i < this.#name; i++) this.#words[this.#heap.indexOf(entry, i)] = 0;
    this.#heap.store(entry, this.#name, name.words, name.wordLength);
    this.#words[entry * BLOCK_WORDS + EntryWord.nameBytes] = name.byteLength;
    this.setElsewhere(entry, 0);
    this.#setLong(entry, EntryLong.sequence, 0);
    this.#setLong(entry, EntryLong.last, NO_POSITION);
    if (!this.#trie.tryInsert(name.hash, entry)) {
      this.#heap.free(entry);
      return 0;
    }
    const life = this.lives + 1;
    this.#longs[TableLong.lives] = life;
    this.#setLong(entry, EntryLong.life, this.isOrdered ? 0 : life);
    this.#words[TableWord.count] = this.count + 1;
    this.#appendIdle(entry);
    return entry;
  }

  // ── what is known of a channel ──

  sequence(entry: number): number {
    return this.#long(entry, EntryLong.sequence);
  }

  /** Position of the last record, or `NO_POSITION`. */
  last(entry: number): number {
    return this.#long(entry, EntryLong.last);
  }

  life(entry: number): number {
    return this.#long(entry, EntryLong.life);
  }

  /** The channel stands elsewhere from here on: nothing that was published before leads there. */
  place(entry: number, life: number, sequence: number): void {
    this.#setLong(entry, EntryLong.life, life);
    this.#setLong(entry, EntryLong.sequence, sequence);
    this.#setLong(entry, EntryLong.last, NO_POSITION);
  }

  /** A record of the channel is in the log. */
  advance(entry: number, sequence: number, last: number): void {
    this.#setLong(entry, EntryLong.sequence, sequence);
    this.#setLong(entry, EntryLong.last, last);
  }

  /** Lives that there have been: one that begins later has a larger number. */
  get lives(): number {
    return this.#longs[TableLong.lives] as number;
  }

  /** A life number that was used up when a channel with messages was last forgotten; 0 when none ever was. */
  get forgotten(): number {
    return this.#longs[TableLong.forgotten] as number;
  }

  /** All f64 of the table; those of an entry begin at `longsAt`, and are named by `EntryLong`. */
  get longs(): Float64Array<SharedArrayBuffer> {
    return this.#longs;
  }

  longsAt(entry: number): number {
    return entry * BLOCK_LONGS;
  }

  /** A record of the channel is about to be published: without subscribers, it becomes the latest of the idle ones. */
  touch(entry: number): void {
    if (this.#words[TableWord.newestIdle] === entry || this.#hasInterest(entry)) return;
    ensureStackRoom();
    this.#removeIdle(entry);
    this.#appendIdle(entry);
  }

  // ── subscribers ──

  /** Subscribers on all loops. */
  subscribers(entry: number): number {
    let total = 0;
    for (let loop = 0; loop < this.loops; loop++) total += this.subscribersOn(entry, loop);
    return total;
  }

  /** Subscribers on other nodes, as far as they have said. */
  elsewhere(entry: number): number {
    return this.#words[entry * BLOCK_WORDS + EntryWord.elsewhere] as number;
  }

  setElsewhere(entry: number, count: number): void {
    this.#words[entry * BLOCK_WORDS + EntryWord.elsewhere] = count;
  }

  /** The caller has made sure of room on the stack. */
  setSubscribers(entry: number, loop: number, count: number): void {
    const wasIdle = !this.#hasInterest(entry);
    this.#words[this.#heap.indexOf(entry, this.#counts + loop)] = count;
    const interest = this.#heap.indexOf(entry, INTEREST + Math.floor(loop / LOOPS_PER_WORD));
    const bit = 1 << (loop % LOOPS_PER_WORD);
    const before = this.#words[interest] as number;
    this.#words[interest] = count > 0 ? before | bit : before & ~bit;
    const isIdle = !this.#hasInterest(entry);
    if (wasIdle === isIdle) return;
    if (wasIdle) this.#removeIdle(entry);
    else this.#appendIdle(entry);
    this.onInterest(entry, wasIdle);
  }

  /** The loops with subscribers, as bits: word `index` holds loops `32 * index` and on. */
  interest(entry: number, index: number): number {
    return this.#words[this.#heap.indexOf(entry, INTEREST + index)] as number;
  }

  /**
   * Takes a loop that is no more out of the counts of some channels, from place `from` on. Returns the place to go on from, or
   * undefined when that was all.
   */
  forgetLoop(loop: number, from: number): number | undefined {
    return this.#walk(from, (entry) => {
      if (this.subscribersOn(entry, loop) > 0) this.setSubscribers(entry, loop, 0);
    });
  }

  /** Calls `visit` with the entries of some places, from place `from` on. Returns the next one, undefined when that was all. */
  #walk(from: number, visit: (entry: number) => void): number | undefined {
    let place = from;
    for (let i = 0; i < WALK_STEPS; i++) {
      const first = this.#trie.leafFrom(place);
      if (first === 0) return undefined;
      place = this.#trie.positionOf(first) + 1;
      for (let entry = first; entry !== 0; entry = this.#trie.sibling(entry)) visit(entry);
      if (place > LAST_PLACE) return undefined;
    }
    return place;
  }

  /**
   * The names of channels with subscribers, of some places from `from` on; and the place to go on from, undefined when that was all.
   */
  wanted(from: number): { readonly names: string[]; readonly next: number | undefined } {
    const names: string[] = [];
    const next = this.#walk(from, (entry) => {
      if (this.#hasInterest(entry)) names.push(this.nameOf(entry));
    });
    return { names, next };
  }

  nameOf(entry: number): string {
    const byteLength = this.#words[entry * BLOCK_WORDS + EntryWord.nameBytes] as number;
    const words = new Uint32Array((byteLength + 3) >>> 2);
    this.#heap.load(entry, this.#name, words, words.length);
    return Buffer.from(words.buffer, 0, byteLength).toString();
  }

  subscribersOn(entry: number, loop: number): number {
    return this.#words[this.#heap.indexOf(entry, this.#counts + loop)] as number;
  }

  #hasInterest(entry: number): boolean {
    for (let i = 0; i < interestWords(this.loops); i++) if (this.interest(entry, i) !== 0) return true;
    return false;
  }

  // ── the idle list ──

  #forgetOldest(): boolean {
    const entry = this.#words[TableWord.oldestIdle] as number;
    if (entry === 0 || !this.mayForget(this.last(entry))) return false;
    if (this.sequence(entry) > 0) {
      const lives = this.lives + 1;
      this.#longs[TableLong.lives] = lives;
      this.#longs[TableLong.forgotten] = lives;
    }
    this.#removeIdle(entry);
    this.#trie.remove(entry);
    this.#heap.free(entry);
    this.#words[TableWord.count] = this.count - 1;
    return true;
  }

  #appendIdle(entry: number): void {
    const newest = this.#words[TableWord.newestIdle] as number;
    this.#setNeighbours(newest, entry);
    this.#setNeighbours(entry, 0);
  }

  #removeIdle(entry: number): void {
    const before = this.#words[entry * BLOCK_WORDS + EntryWord.idleBefore] as number;
    const after = this.#words[entry * BLOCK_WORDS + EntryWord.idleAfter] as number;
    this.#setNeighbours(before, after);
  }

  /** Makes two entries neighbours; 0 stands for the end of the list. */
  #setNeighbours(before: number, after: number): void {
    this.#words[before === 0 ? TableWord.oldestIdle : before * BLOCK_WORDS + EntryWord.idleAfter] = after;
    this.#words[after === 0 ? TableWord.newestIdle : after * BLOCK_WORDS + EntryWord.idleBefore] = before;
  }

  #long(entry: number, word: number): number {
    return this.#longs[entry * BLOCK_LONGS + word] as number;
  }

  #setLong(entry: number, word: number, value: number): void {
    this.#longs[entry * BLOCK_LONGS + word] = value;
  }
}

const interestWords = (loops: number): number => Math.ceil(loops / LOOPS_PER_WORD);

function payloadWords(loops: number, nameBytes: number): number {
  return INTEREST + interestWords(loops) + loops + Math.ceil(nameBytes / Uint32Array.BYTES_PER_ELEMENT);
}
