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
 * at most one take in `CELLS`. Called under the table's lock.
 */
import { BLOCK_LONGS, type EntryTable, OWN } from './entry-table.ts';
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
const SECOND_PLACE = 8;
const FIRST_PLACE_MASK = 0xff;
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

  /** Prepares a new entry. */
  format(entry: number): void {
    this.#view.words.fill(0, entry * BLOCK_WORDS + OWN, entry * BLOCK_WORDS + OWN + WINDOW_WORDS);
  }

  /** Forgets the runs that have left, and returns the takes of the others. */
  total(entry: number, nowMs: number): number {
    const { words, doubles } = this.#view;
    const at = entry * BLOCK_WORDS;
    if (this.#table.expiryOf(entry) <= nowMs) {
      this.free(entry);
      this.format(entry);
    }
    for (let block = words[at + EntryWord.oldestBlock] as number; block !== 0; ) {
      const run = (words[at + EntryWord.places] as number) & FIRST_PLACE_MASK;
      if ((doubles[leavesLong(block, run)] as number) > nowMs) break;
      words[at + EntryWord.total] =
        (words[at + EntryWord.total] as number) - (words[takesWord(block, run)] as number);
      block = this.#dropOldest(entry);
    }
    return words[at + EntryWord.total] as number;
  }

  /** Adds takes, and returns when the newest run leaves: the expiry of the entry. Runs that have left are forgotten already. */
  add(entry: number, nowMs: number, takes: number): number {
    const { words } = this.#view;
    const at = entry * BLOCK_WORDS;
    const newest = words[at + EntryWord.newest] as number;
    let leavesMs = nowMs + this.#windowMs;
    let run = takes;
    if (newest !== 0) {
      const before = this.#table.expiryOf(entry);
      leavesMs = Math.max(leavesMs, before);
      // Without room for another run, the newest is made longer: that counts too much, never too little.
      if (this.#isSameRun(before, leavesMs) || !this.#tryAppend(entry, before, newest)) run += newest;
    }
    words[at + EntryWord.newest] = run;
    words[at + EntryWord.total] = (words[at + EntryWord.total] as number) + takes;
    return leavesMs;
  }

  /** When so many takes, at most all that there are, will have left. */
  leavesMs(entry: number, takes: number): number {
    const { words, doubles, heap } = this.#view;
    const at = entry * BLOCK_WORDS;
    const places = words[at + EntryWord.places] as number;
    const newestBlock = words[at + EntryWord.newestBlock] as number;
    let run = places & FIRST_PLACE_MASK;
    let left = takes;
    for (let block = words[at + EntryWord.oldestBlock] as number; block !== 0; block = heap.next(block)) {
      const end = block === newestBlock ? places >>> SECOND_PLACE : RUNS_PER_BLOCK;
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

  #tryAppend(entry: number, leavesMs: number, takes: number): boolean {
    const { words, doubles } = this.#view;
    const at = entry * BLOCK_WORDS;
    let block = words[at + EntryWord.newestBlock] as number;
    let places = words[at + EntryWord.places] as number;
    if (block === 0 || places >>> SECOND_PLACE === RUNS_PER_BLOCK) {
      const added = this.#table.tryAllocateFor(entry);
      if (added === 0) return false;
      if (block === 0) words[at + EntryWord.oldestBlock] = added;
      else words[block * BLOCK_WORDS] = added;
      words[at + EntryWord.newestBlock] = added;
      block = added;
      places &= FIRST_PLACE_MASK;
    }
    const run = places >>> SECOND_PLACE;
    doubles[leavesLong(block, run)] = leavesMs;
    words[takesWord(block, run)] = takes;
    words[at + EntryWord.places] = places + (1 << SECOND_PLACE);
    return true;
  }

  /** Drops the oldest run of the queue; returns the block of the one that is oldest then, or 0. */
  #dropOldest(entry: number): number {
    const { words, heap } = this.#view;
    const at = entry * BLOCK_WORDS;
    const block = words[at + EntryWord.oldestBlock] as number;
    const places = (words[at + EntryWord.places] as number) + 1;
    const run = places & FIRST_PLACE_MASK;
    if (block === words[at + EntryWord.newestBlock] && run === places >>> SECOND_PLACE) {
      words.fill(0, at + EntryWord.oldestBlock, at + EntryWord.places + 1);
      heap.free(block);
      return 0;
    }
    if (run < RUNS_PER_BLOCK) {
      words[at + EntryWord.places] = places;
      return block;
    }
    const after = heap.next(block);
    words[at + EntryWord.oldestBlock] = after;
    words[at + EntryWord.places] = places & ~FIRST_PLACE_MASK;
    words[block * BLOCK_WORDS] = 0;
    heap.free(block);
    return after;
  }
}
