/** The state part of the shared memory: makes it, and is what a thread gets as `loop.shared`. */
import { randomFillSync } from 'node:crypto';
import { SharedTypeError } from '../errors.ts';
import { BlockHeap } from './block-heap.ts';
import { monotonicMs } from './clock.ts';
import { AtomicCounter, COUNTER_ANCHOR_BLOCKS } from './counter.ts';
import { EntryTable, TABLE_ANCHOR_BLOCKS } from './entry-table.ts';
import {
  BLOCK_BYTES,
  BLOCK_WORDS,
  FIRST_STATE_BLOCK,
  HEAP_LINE_OFFSET,
  HeapWord,
  LAYOUT_VERSION,
  REGISTRY_LOCK_INDEX,
  STATE_HEAP_LOCK_INDEX,
  STATE_MAGIC,
  StateHeaderWord,
} from './layout.ts';
import { LockedMap } from './map.ts';
import { Mutex } from './mutex.ts';
import { describeSettings, limiterSettings, TableRateLimiter } from './rate-limiter.ts';
import { type Plan, type Registration, Registry } from './registry.ts';
import type {
  RateLimit,
  Shared,
  SharedCounter,
  SharedMap,
  SharedMutex,
  SharedRateLimiter,
} from './shared.ts';
import { MUTEX_ANCHOR_BLOCKS, NamedMutex } from './shared-mutex.ts';
import { type Attempt, lockIndex, StateView } from './state-view.ts';

/** How long a list of all tables is used before it is made anew. */
const TABLES_KEPT_MS = 100;

export class SharedState implements Shared {
  readonly #view: StateView;
  readonly #registry: Registry;
  // What this thread has asked for. Names are never given up, so neither are these.
  readonly #counters = new Map<string, AtomicCounter>();
  readonly #maps = new Map<string, LockedMap<unknown>>();
  readonly #mutexes = new Map<string, NamedMutex>();
  readonly #limiters = new Map<string, TableRateLimiter>();
  /** The tables of all maps and rate limiters, and when to look for new ones. */
  #tables: readonly EntryTable[] = [];
  #listTablesMs = Number.NEGATIVE_INFINITY;

  /** Allocates the state and writes its header. Primary only. */
  static create(byteLength: number): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(Math.floor(byteLength / BLOCK_BYTES) * BLOCK_BYTES);
    const words = new Uint32Array(memory, 0, BLOCK_WORDS);
    words[StateHeaderWord.version] = LAYOUT_VERSION;
    words.set(randomFillSync(new Uint32Array(2)), StateHeaderWord.key0);
    BlockHeap.format(memory, HEAP_LINE_OFFSET, FIRST_STATE_BLOCK);
    words[StateHeaderWord.magic] = STATE_MAGIC;
    return memory;
  }

  /**
   * Attaches to memory that `create` made; throws when it is something else. `holder` is the number of the calling thread, 1 or
   * more and no other living thread's. `nowMs` gives milliseconds on a clock that all threads share and that never goes back.
   */
  constructor(memory: SharedArrayBuffer, holder: number, nowMs: () => number = monotonicMs) {
    const words = new Uint32Array(memory);
    if (words[StateHeaderWord.magic] !== STATE_MAGIC || words[StateHeaderWord.version] !== LAYOUT_VERSION) {
      throw new RangeError('shared memory has another layout than this version of polyloop');
    }
    const blocks = words[HEAP_LINE_OFFSET / Uint32Array.BYTES_PER_ELEMENT + HeapWord.end] as number;
    if (memory.byteLength < blocks * BLOCK_BYTES)
      throw new RangeError('shared memory is shorter than its header says');
    this.#view = new StateView(memory, holder, nowMs, (attempt) => this.#reclaim(attempt));
    this.#registry = new Registry(this.#view);
  }

  // ── the calls of `loop.shared` ──

  counter(name: string): SharedCounter {
    return this.#counters.get(name) ?? this.#counterOf(this.#registry.open(name, this.#plans.counter));
  }

  map<V = unknown>(name: string): SharedMap<V> {
    const map = this.#maps.get(name) ?? this.#mapOf(this.#registry.open(name, this.#plans.map));
    return map as unknown as SharedMap<V>;
  }

  mutex(name: string): SharedMutex {
    return this.#mutexes.get(name) ?? this.#mutexOf(this.#registry.open(name, this.#plans.mutex));
  }

  rateLimiter(name: string, settings: RateLimit): SharedRateLimiter {
    const asked = limiterSettings(name, settings);
    const limiter =
      this.#limiters.get(name) ??
      this.#limiterOf(this.#registry.open(name, { ...this.#plans.rateLimiter, settings: asked }));
    if (limiter.settings.some((value, index) => value !== asked[index])) {
      throw new SharedTypeError(
        `rateLimiter "${name}" has ${describeSettings(limiter.settings)}, and was asked for with ${describeSettings(asked)}`,
      );
    }
    return limiter;
  }

  // ── for the primary ──

  /** Bytes that are in use. A hint: may be late. */
  get usedBytes(): number {
    return this.#view.heap.usedBlocks * BLOCK_BYTES;
  }

  /**
   * Frees every lock that the thread with that number holds. Only for a thread that has ended, and before another gets its
   * number. Callbacks of the user, the only code that can end a thread under a lock, run when all that the lock guards is whole.
   * Returns how many there were.
   */
  freeLocksOf(holder: number): number {
    const { ints } = this.#view;
    // Those two first: what follows takes them.
    const indexes = [STATE_HEAP_LOCK_INDEX, REGISTRY_LOCK_INDEX];
    let freed = indexes.filter((index) => Mutex.free(ints, index, holder)).length;
    for (const { kind, anchor } of this.#registry.all()) {
      if (kind !== 'counter' && Mutex.free(ints, lockIndex(anchor), holder)) freed++;
    }
    return freed;
  }

  // ── making and finding ──

  readonly #plans = {
    counter: {
      kind: 'counter',
      anchorBlocks: COUNTER_ANCHOR_BLOCKS,
      format: (anchor) => AtomicCounter.format(this.#view, anchor),
    },
    map: {
      kind: 'map',
      anchorBlocks: TABLE_ANCHOR_BLOCKS,
      format: (anchor) => EntryTable.format(this.#view, anchor),
    },
    mutex: {
      kind: 'mutex',
      anchorBlocks: MUTEX_ANCHOR_BLOCKS,
      format: (anchor) => NamedMutex.format(this.#view, anchor),
    },
    rateLimiter: {
      kind: 'rateLimiter',
      anchorBlocks: TABLE_ANCHOR_BLOCKS,
      format: (anchor) => EntryTable.format(this.#view, anchor),
    },
  } satisfies Record<string, Plan>;

  #counterOf({ name, anchor }: Registration): AtomicCounter {
    return remember(this.#counters, name, new AtomicCounter(this.#view, anchor, `counter "${name}"`));
  }

  #mapOf({ name, anchor }: Registration): LockedMap<unknown> {
    return remember(this.#maps, name, new LockedMap(this.#view, anchor, `map "${name}"`));
  }

  #mutexOf({ name, anchor }: Registration): NamedMutex {
    return remember(this.#mutexes, name, new NamedMutex(this.#view, anchor, `"${name}"`));
  }

  #limiterOf({ name, anchor, settings }: Registration): TableRateLimiter {
    const limiter = new TableRateLimiter(this.#view, anchor, `rateLimiter "${name}"`, settings);
    return remember(this.#limiters, name, limiter);
  }

  // ── when there is no room ──

  /**
   * Sweeps every table until the attempt succeeds; 0 when it does not. Tables that are locked are left out: the caller may hold one
   * itself, and nobody waits here, so no order of the tables is needed.
   */
  #reclaim(attempt: Attempt): number {
    for (const table of this.#allTables()) {
      if (!table.lock.tryLock()) continue;
      try {
        const got = table.sweepUntil(attempt);
        if (got !== 0) return got;
      } finally {
        table.lock.unlock();
      }
    }
    return 0;
  }

  /** Every table that there was a moment ago: a full memory is asked often, and names are made seldom. */
  #allTables(): readonly EntryTable[] {
    const nowMs = this.#view.nowMs();
    if (nowMs >= this.#listTablesMs) {
      const tables = this.#registry.all().map((registration) => this.#tableOf(registration));
      this.#tables = tables.filter((table) => table !== undefined);
      this.#listTablesMs = nowMs + TABLES_KEPT_MS;
    }
    return this.#tables;
  }

  #tableOf(registration: Registration): EntryTable | undefined {
    const { kind, name } = registration;
    if (kind === 'map') return (this.#maps.get(name) ?? this.#mapOf(registration)).table;
    if (kind === 'rateLimiter') return (this.#limiters.get(name) ?? this.#limiterOf(registration)).table;
    return undefined;
  }
}

function remember<T>(things: Map<string, T>, name: string, thing: T): T {
  things.set(name, thing);
  return thing;
}
