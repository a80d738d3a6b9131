/**
 * A map as one thread sees it.
 *
 * ```
 * entry          ├ link ├ hash ├ sibling ├ u32 key tag ├ f64 expiry ├ u32 value tag ├ key ├ value ┤
 * ```
 * `entry-table.ts` draws the anchor and the first words of an entry. All is read and written under the table's lock. A
 * callback of the user runs only in `update`, when the map is whole; what it and `toJSON` may overwrite, the scratch and the
 * encoded key, is made after it. A call that throws for want of stack leaves the map whole; see `entry-table.ts`.
 */

import { BLOCK_LONGS, END, EntryTable, EXPIRY_LONG, OWN } from './entry-table.ts';
import { BLOCK_WORDS } from './layout.ts';
import { MAX_VALUE_BYTES, MapValue } from './map-value.ts';
import type { SetOptions, SharedMap, UpdateOptions } from './shared.ts';
import { ensureStackRoom } from './stack-room.ts';
import type { StateView } from './state-view.ts';
import { requireSynchronous } from './synchronous.ts';

const OWN_WORDS = 1;
const VALUE_TAG = OWN;
/** What an iteration reads under one hold of the lock: so many entries, or a few more bytes of values. */
const BATCH_ENTRIES = 64;
const BATCH_WORDS = 16 * 1024;

export class LockedMap<V> implements SharedMap<V> {
  readonly table: EntryTable;
  readonly #view: StateView;
  readonly #name: string;
  readonly #value: MapValue;
  readonly #maxValueBytes: number;

  constructor(view: StateView, anchor: number, name: string) {
    this.table = new EntryTable(view, anchor, OWN_WORDS, name);
    this.#view = view;
    this.#name = name;
    this.#value = new MapValue(view.value);
    this.#maxValueBytes = Math.min(view.byteLength, MAX_VALUE_BYTES);
  }

  // ── single entries ──

  get(key: string): V | undefined {
    ensureStackRoom();
    const encoded = this.#view.setKey(key, this.#name);
    let tag: number;
    this.table.lock.lock();
    try {
      const entry = this.#live(this.table.find(encoded));
      if (entry === 0) return undefined;
      tag = this.#load(entry);
    } finally {
      this.table.lock.unlock();
    }
    return this.#value.decode(tag) as V;
  }

  has(key: string): boolean {
    ensureStackRoom();
    const encoded = this.#view.setKey(key, this.#name);
    this.table.lock.lock();
    try {
      return this.#live(this.table.find(encoded)) !== 0;
    } finally {
      this.table.lock.unlock();
    }
  }

  set(key: string, value: V, options?: SetOptions): void {
    ensureStackRoom();
    const ttlMs = this.#ttl(options) ?? Number.POSITIVE_INFINITY;
    const tag = this.#encode(value);
    const encoded = this.#view.setKey(key, this.#name);
    this.table.lock.lock();
    try {
      this.#store(this.#live(this.table.find(encoded)), tag, this.#expiryIn(ttlMs));
    } finally {
      this.table.lock.unlock();
    }
  }

  delete(key: string): boolean {
    ensureStackRoom();
    const encoded = this.#view.setKey(key, this.#name);
    this.table.lock.lock();
    try {
      const entry = this.#live(this.table.find(encoded));
      if (entry !== 0) this.table.remove(entry);
      return entry !== 0;
    } finally {
      this.table.lock.unlock();
    }
  }

  update(key: string, fn: (current: V | undefined) => V | undefined, options?: UpdateOptions): V | undefined {
    ensureStackRoom();
    if (typeof fn !== 'function') throw new TypeError(`update of ${this.#name} needs a function`);
    const ttlMs = this.#ttl(options);
    const encoded = this.#view.setKey(key, this.#name);
    this.table.lock.lock();
    try {
      const entry = this.#live(this.table.find(encoded));
      const current = entry === 0 ? undefined : (this.#value.decode(this.#load(entry)) as V);
      const result = requireSynchronous(fn(current), `update of ${this.#name}`);
      if (result === undefined) {
        if (entry !== 0) this.table.remove(entry);
        return undefined;
      }
      const tag = this.#encode(result);
      this.#view.setKey(key, this.#name);
      const keptMs = entry === 0 ? Number.POSITIVE_INFINITY : this.table.expiryOf(entry);
      this.#store(entry, tag, ttlMs === undefined ? keptMs : this.#expiryIn(ttlMs));
      return result;
    } finally {
      this.table.lock.unlock();
    }
  }

  // ── all entries ──

  get size(): number {
    ensureStackRoom();
    // The first end closes the round that had been begun; the second closes one over all that had expired by now.
    for (let ends = 0; ; ) {
      this.table.lock.lock();
      try {
        if (ends === 2 || !this.table.mayHaveExpired) return this.table.count;
        if (this.table.sweep()) ends++;
      } finally {
        this.table.lock.unlock();
      }
    }
  }

  clear(): void {
    ensureStackRoom();
    let free: () => void;
    this.table.lock.lock();
    try {
      free = this.table.detach();
    } finally {
      this.table.lock.unlock();
    }
    free();
  }

  *entries(): IterableIterator<[string, V]> {
    yield* this.#walk((entry): [string, V] => [this.table.keyOf(entry), this.#valueOf(entry)]);
  }

  *keys(): IterableIterator<string> {
    yield* this.#walk((entry) => this.table.keyOf(entry));
  }

  *values(): IterableIterator<V> {
    yield* this.#walk((entry) => this.#valueOf(entry));
  }

  [Symbol.iterator](): IterableIterator<[string, V]> {
    return this.entries();
  }

  *#walk<T>(read: (entry: number) => T): IterableIterator<T> {
    for (let position = 0; position < END; ) {
      const batch: T[] = [];
      position = this.#readFrom(position, batch, read);
      yield* batch;
    }
  }

  /** Reads a batch of entries, in order of position; returns the position to go on from. */
  #readFrom<T>(from: number, batch: T[], read: (entry: number) => T): number {
    ensureStackRoom();
    let position = from;
    let words = 0;
    this.table.lock.lock();
    try {
      while (position < END && batch.length < BATCH_ENTRIES && words < BATCH_WORDS) {
        position = this.table.visitFrom(position, (entry) => {
          if (this.table.isExpired(entry)) return;
          words += MapValue.wordsOf(this.#tagOf(entry));
          batch.push(read(entry));
        });
      }
    } finally {
      this.table.lock.unlock();
    }
    return position;
  }

  // ── under the lock ──

  /** The entry, or 0 when it has expired: its room is then free. */
  #live(entry: number): number {
    if (entry === 0 || !this.table.isExpired(entry)) return entry;
    this.table.remove(entry);
    return 0;
  }

  /** Stores what is encoded into an entry, or, for 0, into a new one. Throws, with nothing changed, when there is no room. */
  #store(found: number, tag: number, expiryMs: number): void {
    const { words, doubles, key } = this.#view;
    const length = MapValue.wordsOf(tag);
    const write = (entry: number): void => {
      this.#value.store(this.#view.heap, entry, this.table.behindKey(entry), tag);
      words[entry * BLOCK_WORDS + VALUE_TAG] = tag;
      doubles[entry * BLOCK_LONGS + EXPIRY_LONG] = expiryMs;
    };
    if (found === 0) {
      this.table.insert(key, length, expiryMs, write);
    } else {
      this.table.grow(found, length);
      this.table.willExpire(expiryMs);
      write(found);
      this.table.shrink(found, length);
    }
  }

  #load(entry: number): number {
    const tag = this.#tagOf(entry);
    this.#value.load(this.#view.heap, entry, this.table.behindKey(entry), tag);
    return tag;
  }

  #valueOf(entry: number): V {
    return this.#value.decode(this.#load(entry)) as V;
  }

  #tagOf(entry: number): number {
    return this.#view.words[entry * BLOCK_WORDS + VALUE_TAG] as number;
  }

  #expiryIn(ttlMs: number): number {
    return ttlMs === Number.POSITIVE_INFINITY ? ttlMs : this.#view.nowMs() + ttlMs;
  }

  // ── arguments ──

  #encode(value: unknown): number {
    const tag = this.#value.encode(value, this.#maxValueBytes);
    if (tag < 0) throw this.#view.full(`a value of ${this.#name}`);
    return tag;
  }

  #ttl(options: SetOptions | undefined): number | undefined {
    const ttlMs = options?.ttlMs;
    if (ttlMs !== undefined && !(Number.isFinite(ttlMs) && ttlMs > 0)) {
      throw new RangeError(`${this.#name}: ttlMs is a number of milliseconds above 0, not ${String(ttlMs)}`);
    }
    return ttlMs;
  }
}
