/**
 * Names, and what they are the names of. Any thread has one; what it reads and writes is guarded by the registry's lock. An
 * entry is never changed and never removed, so what was found once may be kept.
 *
 * ```
 * entry          ├ link ├ hash ├ sibling ├ u32 kind ├ u32 anchor ├ u32 name bytes ├ f64 × SETTINGS settings ├ name ┤
 * ```
 * The anchor is a chain of blocks that holds, or leads to, everything that the thing consists of.
 */
import { SharedTypeError } from '../errors.ts';
import { BlockHeap } from './block-heap.ts';
import { EncodedName, MAX_NAME_BYTES } from './encoded-name.ts';
import { HashTrie } from './hash-trie.ts';
import { BLOCK_WORDS, REGISTRY_LOCK_INDEX, REGISTRY_ROOT_INDEX } from './layout.ts';
import { Mutex } from './mutex.ts';
import { ensureStackRoom } from './stack-room.ts';
import type { StateView } from './state-view.ts';

/** What a name can be the name of: the calls of `loop.shared`, each at the number that stands for it in an entry. */
export const KINDS = ['counter', 'map', 'mutex', 'rateLimiter'] as const;
export type Kind = (typeof KINDS)[number];

/** Numbers that say how a thing behaves; those that its kind does not have are 0. */
export type Settings = readonly [number, number, number];
const NO_SETTINGS: Settings = [0, 0, 0];

/** A name as it stands in the registry. */
export interface Registration {
  readonly kind: Kind;
  readonly name: string;
  readonly anchor: number;
  readonly settings: Settings;
}

/** What is to be made when a name is new. */
export interface Plan {
  readonly kind: Kind;
  readonly anchorBlocks: number;
  readonly format: (anchor: number) => void;
  readonly settings?: Settings;
}

const EntryWord = { kind: 3, anchor: 4, nameBytes: 5 } as const;
const SETTINGS_LONG = 3;
/** Payload word where the name begins. */
const NAME = 11;

export class Registry {
  readonly #view: StateView;
  readonly #lock: Mutex;
  readonly #trie: HashTrie;
  readonly #name: EncodedName;

  constructor(view: StateView) {
    this.#view = view;
    this.#lock = new Mutex(view.ints, REGISTRY_LOCK_INDEX, view.holder, 'of the registry');
    this.#trie = new HashTrie(view.heap, REGISTRY_ROOT_INDEX);
    this.#name = new EncodedName(view.hashKey);
  }

  /** What has that name; made as planned when the name is new. Throws `SharedTypeError` when it is of another kind. */
  open(name: string, plan: Plan): Registration {
    ensureStackRoom();
    if (typeof name !== 'string') throw new TypeError(`a name is a string, not ${typeof name}`);
    if (!name.isWellFormed() || !this.#name.trySet(name)) {
      throw new RangeError(
        `a name is 1 to ${MAX_NAME_BYTES} bytes of UTF-8, not ${JSON.stringify(name.slice(0, MAX_NAME_BYTES + 1))}`,
      );
    }
    const attempt = (): number => this.#findOrCreate(plan);
    const entry = attempt() || this.#view.reclaim(attempt);
    if (entry === 0) throw this.#view.full(`${plan.kind} "${name}"`);
    const found = this.#read(entry);
    if (found.kind !== plan.kind) {
      throw new SharedTypeError(`"${name}" is a ${found.kind}, and was asked for as a ${plan.kind}`);
    }
    return found;
  }

  /** Everything that has a name. */
  all(): Registration[] {
    ensureStackRoom();
    const found: Registration[] = [];
    this.#lock.hold(() =>
      this.#trie.forEach((entry) => {
        found.push(this.#read(entry));
      }),
    );
    return found;
  }

  /** The entry with the encoded name; 0 when there is none and no room for one. */
  #findOrCreate(plan: Plan): number {
    return this.#lock.hold(() => this.#find() || this.#tryCreate(plan));
  }

  #find(): number {
    const { heap, words } = this.#view;
    const name = this.#name;
    for (let entry = this.#trie.first(name.hash); entry !== 0; entry = this.#trie.sibling(entry)) {
      if (
        words[entry * BLOCK_WORDS + EntryWord.nameBytes] === name.byteLength &&
        heap.equals(entry, NAME, name.words, name.wordLength)
      )
        return entry;
    }
    return 0;
  }

  #tryCreate({ kind, anchorBlocks, format, settings = NO_SETTINGS }: Plan): number {
    const { heap, words, doubles } = this.#view;
    const name = this.#name;
    const entry = heap.tryAllocate(BlockHeap.blocksFor(NAME + name.wordLength));
    const anchor = entry === 0 ? 0 : heap.tryAllocate(anchorBlocks);
    if (anchor !== 0) {
      format(anchor);
      words[entry * BLOCK_WORDS + EntryWord.kind] = KINDS.indexOf(kind);
      words[entry * BLOCK_WORDS + EntryWord.anchor] = anchor;
      words[entry * BLOCK_WORDS + EntryWord.nameBytes] = name.byteLength;
      doubles.set(settings, (entry * BLOCK_WORDS) / 2 + SETTINGS_LONG);
      heap.store(entry, NAME, name.words, name.wordLength);
      if (this.#trie.tryInsert(name.hash, entry)) return entry;
      heap.free(anchor);
    }
    if (entry !== 0) heap.free(entry);
    return 0;
  }

  /** Reads an entry. What is in it does not change any more, so this needs no lock. */
  #read(entry: number): Registration {
    const { heap, words, doubles } = this.#view;
    const word = (index: number): number => words[entry * BLOCK_WORDS + index] as number;
    const byteLength = word(EntryWord.nameBytes);
    const name = Buffer.alloc(MAX_NAME_BYTES + 1);
    heap.load(entry, NAME, new Uint32Array(name.buffer, name.byteOffset), (byteLength + 3) >>> 2);
    const at = (entry * BLOCK_WORDS) / 2 + SETTINGS_LONG;
    return {
      kind: KINDS[word(EntryWord.kind)] as Kind,
      name: name.toString('utf8', 0, byteLength),
      anchor: word(EntryWord.anchor),
      settings: [doubles[at] as number, doubles[at + 1] as number, doubles[at + 2] as number],
    };
  }
}
