import { describe, expect, it } from 'vitest';
import { ControlBlock } from '../../src/shared/control-block.ts';
import { Duration } from '../../src/shared/duration.ts';
import {
  CACHE_LINE_BYTES,
  COUNTERS,
  type CounterName,
  controlBlockBytes,
  HEADER_BYTES,
  HeaderLong,
  HeaderWord,
  retiredOffset,
  SEAT_OFFSET,
  SLOT_BYTES,
  StatusWord,
  seatsFor,
  slotOffset,
  TOTAL_LONGS,
  TOTALS_OFFSET,
} from '../../src/shared/layout.ts';
import type { LoopSlot } from '../../src/shared/loop-slot.ts';

const LOOPS = 3;

/** Totals whose every byte differs from zero, so that a write shows on all its bytes. */
const TOTALS = Object.fromEntries(COUNTERS.map((name) => [name, 0x1f_1f_1f_1f_1f_1f_1f])) as Record<
  CounterName,
  number
>;

const DURATION_TOTALS = { upgrade: new Duration('upgrade'), lag: new Duration('lag') };
for (const duration of Object.values(DURATION_TOTALS)) duration.longs.fill(0x1f_1f_1f_1f_1f_1f_1f);

/** Bytes that differ after the write. */
function changedBytes(memory: SharedArrayBuffer, write: () => void): number[] {
  const before = new Uint8Array(memory).slice();
  write();
  return Array.from(new Uint8Array(memory).keys()).filter((at) => before[at] !== new Uint8Array(memory)[at]);
}

function writeAsLoop(slot: LoopSlot): void {
  slot.state = 'ready';
  slot.beat(0x1f_1f_1f_1f, 0x1f_1f_1f_1f);
  slot.connections = 0x1f_1f_1f_1f;
  slot.sockets = 0x1f_1f_1f_1f;
  slot.accepted = 0x1f_1f_1f_1f;
  slot.writeTotals(TOTALS);
  slot.writeDurations(DURATION_TOTALS);
  slot.tellVitals(0x1f_1f_1f_1f, 0x1f_1f_1f_1f, 1);
  slot.tellBacklogs(0x1f_1f_1f_1f, 0x1f_1f_1f_1f);
}

describe('the words of different writers', () => {
  it('are never on one cache line', () => {
    const block = ControlBlock.create(LOOPS);
    const linesOf = new Map<string, Set<number>>();
    const record = (writer: string, write: () => void): void => {
      const lines = changedBytes(block.memory, write).map((at) => Math.floor(at / CACHE_LINE_BYTES));
      linesOf.set(writer, new Set([...(linesOf.get(writer) ?? []), ...lines]));
    };
    for (const slot of block.slots) {
      record(`loop ${slot.seat}`, () => writeAsLoop(slot));
      record('primary', () => slot.release(0x1f_1f_1f_1f));
    }
    expect([...linesOf.keys()].sort()).toEqual(['loop 0', 'loop 1', 'loop 2', 'loop 3', 'primary']);
    const lines = [...linesOf.values()].flatMap((set) => [...set]);
    expect(new Set(lines).size).toBe(lines.length);
    // The header, written before any thread starts, has its line for itself.
    expect(lines).not.toContain(0);
  });

  it('are written inside the slot they belong to', () => {
    const block = ControlBlock.create(LOOPS);
    for (const slot of block.slots) {
      const changed = changedBytes(block.memory, () => {
        writeAsLoop(slot);
        slot.release(1);
      });
      expect(Math.min(...changed)).toBeGreaterThanOrEqual(slotOffset(slot.seat));
      expect(Math.max(...changed)).toBeLessThan(slotOffset(slot.seat + 1));
    }
  });
});

describe('the layout', () => {
  it('puts every part at the start of a cache line', () => {
    for (const offset of [HEADER_BYTES, TOTALS_OFFSET, SEAT_OFFSET, SLOT_BYTES])
      expect(offset % CACHE_LINE_BYTES).toBe(0);
    for (let loop = 0; loop < LOOPS; loop++) expect(slotOffset(loop) % CACHE_LINE_BYTES).toBe(0);
  });

  it('has the parts of a slot one after the other, none inside another', () => {
    const statusEnd = Object.keys(StatusWord).length * Uint32Array.BYTES_PER_ELEMENT;
    const totalsEnd = TOTALS_OFFSET + TOTAL_LONGS * BigUint64Array.BYTES_PER_ELEMENT;
    const ends = [0, statusEnd, TOTALS_OFFSET, totalsEnd, SEAT_OFFSET, SEAT_OFFSET + 16, SLOT_BYTES];
    expect(ends).toEqual(ends.toSorted((a, b) => a - b));
  });

  it('numbers the words of a status line from 0 without gaps', () => {
    expect(Object.values(StatusWord)).toEqual(Object.keys(StatusWord).map((_, index) => index));
  });

  it('names no counter twice', () => {
    expect(new Set(COUNTERS).size).toBe(COUNTERS.length);
  });

  it('keeps the words and the longs of the header apart', () => {
    const wordsEnd = (Math.max(...Object.values(HeaderWord)) + 1) * Uint32Array.BYTES_PER_ELEMENT;
    const longsStart = Math.min(...Object.values(HeaderLong)) * BigUint64Array.BYTES_PER_ELEMENT;
    const longsEnd = (Math.max(...Object.values(HeaderLong)) + 1) * BigUint64Array.BYTES_PER_ELEMENT;
    expect(longsStart).toBeGreaterThanOrEqual(wordsEnd);
    expect(longsEnd).toBeLessThanOrEqual(HEADER_BYTES);
  });

  it('ends with the last slot', () => {
    expect(retiredOffset(LOOPS, 0)).toBe(slotOffset(seatsFor(LOOPS)));
    expect(controlBlockBytes(LOOPS)).toBe(retiredOffset(LOOPS, LOOPS));
    expect(ControlBlock.create(LOOPS).memory.byteLength).toBe(controlBlockBytes(LOOPS));
  });
});
