/**
 * The takes of a key within the last `windowMs`, as runs: takes close to each other are one run, which leaves the window when
 * its last take does. So never less is counted than there is. The newest run is in the key's entry, those before it in a
 * queue of blocks, oldest first.
 *
 * ```
 * entry          ├ … ├ f64 expiry: when the newest run leaves ├ u32 takes of the newest run ├ u32 takes of all runs ┤
 *                ├ u32 oldest block ├ u32 newest block ├ u8 first run in the oldest ├ u8 runs in the newest ├ u16 0 ├ …
 * block          ├ link ├ u32 takes of run 4 ├ f64 × 5 when a run leaves ├ u32 × 4 takes of runs 0 to 3 ┤
 * ```
 * With a limit of up to `EXACT_LIMIT`, takes of one instant only are a run. Above it, takes in the same cell are, a cell being
 * `windowMs / CELLS`: a take may then count for that much longer than it should, which costs a key that is always at its limit
 * at most one take in `CELLS`. Called under the table's lock; what belongs together is written without a call in between.
 */
import { BLOCK_LONGS, type EntryTable, EXPIRY_LONG, OWN } from './entry-table.ts';
import { BLOCK_WORDS } from './layout.ts';
import type { StateView } from './state-view.ts';

export const EXACT_LIMIT = 128;
export const CELLS = 256;

const EntryWord = {
  newest: OWN,
  total: OWN + 1,
  oldestBlock: OWN + 2,
  newestBlock: OWN + 3,
  places: OWN + 4,
};
export const WINDOW_WORDS = 5;
const RUNS_PER_BLOCK = 5;
/** In the word `places`: the first run in the lowest byte, the number of runs above it. */
const ONE_RUN = 1 << 8;
const RUNS_SHIFT = 8;
const FIRST_MASK = ONE_RUN - 1;

const leavesLong = (block: number, run: number): number => block * BLOCK_LONGS + 1 + run;
const takesWord = (block: number, run: number): number => block * BLOCK_WORDS + (run === 4 ? 1 : 12 + run);

export class TakeWindow {
  readonly #view: StateView;
  readonly #table: EntryTable;
  readonly #windowMs: number;
  readonly #cellMs: number;

  constructor(view: StateView, table: EntryTable, limit: number, windowMs: number) {
    this.#view = view;
    this.#table = table;
    this.#windowMs = windowMs;
    this.#cellMs = limit <= EXACT_LIMIT ? 0 : windowMs / CELLS;
  }

  /** Writes the words of a new entry. */
  format(entry: number, takes: number): void {
    const { words } = this.#view;
    const at = entry * BLOCK_WORDS;
    words.fill(0, at + OWN, at + OWN + WINDOW_WORDS);
    words[at + EntryWord.newest] = takes;
    words[at + EntryWord.total] = takes;
  }

  /** Forgets the runs that have left, and returns the takes of the others. */
  total(entry: number, nowMs: number): number {
    const { words, doubles, heap } = this.#view;
    const at = entry * BLOCK_WORDS;
    if (this.#table.expiryOf(entry) <= nowMs) this.#forgetAll(entry);
    for (;;) {
      const block = words[at + EntryWord.oldestBlock] as number;
      const places = words[at + EntryWord.places] as number;
      const run = places & FIRST_MASK;
      if (block === 0 || (doubles[leavesLong(block, run)] as number) > nowMs) break;
      const total = (words[at + EntryWord.total] as number) - (words[takesWord(block, run)] as number);
      const isLast = block === words[at + EntryWord.newestBlock] && run + 1 === places >>> RUNS_SHIFT;
      const after = isLast ? 0 : (words[block * BLOCK_WORDS] as number);
      words[at + EntryWord.total] = total;
      if (!isLast && run + 1 < RUNS_PER_BLOCK) {
        words[at + EntryWord.places] = places + 1;
        continue;
      }
      words[at + EntryWord.oldestBlock] = after;
      words[at + EntryWord.places] = isLast ? 0 : places & ~FIRST_MASK;
      if (isLast) words[at + EntryWord.newestBlock] = 0;
      words[block * BLOCK_WORDS] = 0;
      heap.free(block);
    }
    return words[at + EntryWord.total] as number;
  }

  /** Adds takes to an entry and sets its expiry. Runs that have left are forgotten already. */
  add(entry: number, nowMs: number, takes: number): void {
    const { words, doubles } = this.#view;
    const at = entry * BLOCK_WORDS;
    const expiry = entry * BLOCK_LONGS + EXPIRY_LONG;
    const newest = words[at + EntryWord.newest] as number;
    const before = doubles[expiry] as number;
    const leavesMs = newest === 0 ? nowMs + this.#windowMs : Math.max(nowMs + this.#windowMs, before);
    const total = (words[at + EntryWord.total] as number) + takes;
    if (newest === 0 || this.#isSameRun(before, leavesMs)) {
      words[at + EntryWord.newest] = newest + takes;
    } else {
      const block = words[at + EntryWord.newestBlock] as number;
      const places = words[at + EntryWord.places] as number;
      const isFull = block === 0 || places >>> RUNS_SHIFT === RUNS_PER_BLOCK;
      const target = isFull ? this.#table.tryAllocateFor(entry) : block;
      const run = isFull ? 0 : places >>> RUNS_SHIFT;
      const leaves = leavesLong(target, run);
      const taken = takesWord(target, run);
      if (target === 0) {
        // No room for another run: the newest is made longer. That counts too much, never too little.
        words[at + EntryWord.newest] = newest + takes;
      } else {
        doubles[leaves] = before;
        words[taken] = newest;
        words[at + EntryWord.newest] = takes;
        words[at + EntryWord.places] = (isFull ? places & FIRST_MASK : places) + ONE_RUN;
        words[at + EntryWord.newestBlock] = target;
        if (block === 0) words[at + EntryWord.oldestBlock] = target;
        else if (isFull) words[block * BLOCK_WORDS] = target;
      }
    }
    words[at + EntryWord.total] = total;
    doubles[expiry] = leavesMs;
  }

  /** When so many takes, at most all that there are, will have left. */
  leavesMs(entry: number, takes: number): number {
    const { words, doubles, heap } = this.#view;
    const at = entry * BLOCK_WORDS;
    const places = words[at + EntryWord.places] as number;
    const newestBlock = words[at + EntryWord.newestBlock] as number;
    let run = places & FIRST_MASK;
    let left = takes;
    for (let block = words[at + EntryWord.oldestBlock] as number; block !== 0; block = heap.next(block)) {
      const end = block === newestBlock ? places >>> RUNS_SHIFT : RUNS_PER_BLOCK;
      for (; run < end; run++) {
        left -= words[takesWord(block, run)] as number;
        if (left <= 0) return doubles[leavesLong(block, run)] as number;
      }
      run = 0;
    }
    return this.#table.expiryOf(entry);
  }

  /** Gives back what an entry has besides its own chain. */
  free(entry: number): void {
    const oldest = this.#view.words[entry * BLOCK_WORDS + EntryWord.oldestBlock] as number;
    if (oldest !== 0) this.#view.heap.free(oldest);
  }

  #isSameRun(before: number, leavesMs: number): boolean {
    if (this.#cellMs === 0) return before === leavesMs;
    return Math.floor(before / this.#cellMs) === Math.floor(leavesMs / this.#cellMs);
  }

  #forgetAll(entry: number): void {
    const { words, heap } = this.#view;
    const at = entry * BLOCK_WORDS;
    const oldest = words[at + EntryWord.oldestBlock] as number;
    words[at + EntryWord.newest] = 0;
    words[at + EntryWord.total] = 0;
    words[at + EntryWord.oldestBlock] = 0;
    words[at + EntryWord.newestBlock] = 0;
    words[at + EntryWord.places] = 0;
    if (oldest !== 0) heap.free(oldest);
  }
}
