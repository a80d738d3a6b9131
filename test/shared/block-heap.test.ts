import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockHeap } from '../../src/shared/block-heap.ts';
import { BLOCK_BYTES, CHAIN_WORDS, HEAP_LINE_OFFSET } from '../../src/shared/layout.ts';

const FIRST_BLOCK = 2;
const BLOCKS = 20;

function newHeap(blocks = BLOCKS): BlockHeap {
  const memory = new SharedArrayBuffer((FIRST_BLOCK + blocks) * BLOCK_BYTES);
  BlockHeap.format(memory, HEAP_LINE_OFFSET, FIRST_BLOCK);
  return new BlockHeap(memory, HEAP_LINE_OFFSET);
}

const blocksOf = (heap: BlockHeap, first: number): number[] => {
  const blocks: number[] = [];
  for (let block = first; block !== 0; block = heap.next(block)) blocks.push(block);
  return blocks;
};

const ramp = (start: number, length: number): Uint32Array =>
  Uint32Array.from({ length }, (_, index) => start + index);

function loaded(heap: BlockHeap, first: number, at: number, count: number): Uint32Array {
  const words = new Uint32Array(count);
  heap.load(first, at, words, count);
  return words;
}

describe('allocating', () => {
  it('gives chains of the length asked for, out of blocks that nobody has', () => {
    const heap = newHeap();
    const chains = [1, 3, 5].map((count) => blocksOf(heap, heap.tryAllocate(count)));
    expect(chains.map((chain) => chain.length)).toEqual([1, 3, 5]);
    expect(new Set(chains.flat()).size).toBe(9);
    expect(Math.min(...chains.flat())).toBeGreaterThanOrEqual(FIRST_BLOCK);
    expect([heap.usedBlocks, heap.freeBlocks]).toEqual([9, BLOCKS - 9]);
  });

  it('gives every block, and none twice, until there is none left', () => {
    const heap = newHeap();
    const blocks = Array.from({ length: BLOCKS }, () => heap.tryAllocate(1));
    expect(new Set(blocks).size).toBe(BLOCKS);
    expect(blocks).not.toContain(0);
    expect(heap.tryAllocate(1)).toBe(0);
    expect([heap.usedBlocks, heap.freeBlocks]).toEqual([BLOCKS, 0]);
  });

  it('takes nothing when there are not enough blocks', () => {
    const heap = newHeap();
    expect(heap.tryAllocate(BLOCKS + 1)).toBe(0);
    expect(heap.freeBlocks).toBe(BLOCKS);
    expect(heap.tryAllocate(BLOCKS)).not.toBe(0);
  });

  it('gives what was freed, in one chain, though it was freed in pieces', () => {
    const heap = newHeap();
    const singles = Array.from({ length: BLOCKS }, () => heap.tryAllocate(1));
    for (const block of singles.filter((_, index) => index % 2 === 0)) heap.free(block);
    const chain = blocksOf(heap, heap.tryAllocate(BLOCKS / 2));
    expect(chain.length).toBe(BLOCKS / 2);
    expect(heap.freeBlocks).toBe(0);
  });

  it('touches no block that was never needed', () => {
    const heap = newHeap();
    for (let i = 0; i < 100; i++) heap.free(heap.tryAllocate(3));
    expect(Array.from(heap.words.subarray((FIRST_BLOCK + 3) * 16)).every((word) => word === 0)).toBe(true);
  });
});

describe('growing and shrinking', () => {
  it('keeps the first blocks and what is in them', () => {
    const heap = newHeap();
    const chain = heap.tryAllocate(2);
    const before = blocksOf(heap, chain);
    heap.store(chain, 0, ramp(1, 30), 30);
    expect(heap.tryGrow(chain, 5)).toBe(true);
    expect(blocksOf(heap, chain).slice(0, 2)).toEqual(before);
    expect(blocksOf(heap, chain)).toHaveLength(5);
    expect(loaded(heap, chain, 0, 30)).toEqual(ramp(1, 30));
    heap.shrink(chain, 1);
    expect(blocksOf(heap, chain)).toEqual([chain]);
    expect(loaded(heap, chain, 0, CHAIN_WORDS)).toEqual(ramp(1, CHAIN_WORDS));
    expect([heap.usedBlocks, heap.freeBlocks]).toEqual([1, BLOCKS - 1]);
  });

  it('changes nothing when the chain is that long already', () => {
    const heap = newHeap();
    const chain = heap.tryAllocate(3);
    expect(heap.tryGrow(chain, 2)).toBe(true);
    heap.shrink(chain, 3);
    expect(blocksOf(heap, chain)).toHaveLength(3);
    expect(heap.usedBlocks).toBe(3);
  });

  it('changes nothing when there are not enough blocks', () => {
    const heap = newHeap();
    const chain = heap.tryAllocate(BLOCKS - 1);
    expect(heap.tryGrow(chain, BLOCKS + 1)).toBe(false);
    expect(blocksOf(heap, chain)).toHaveLength(BLOCKS - 1);
    expect(heap.freeBlocks).toBe(1);
  });
});

describe('the payload of a chain', () => {
  it('holds words across blocks, from any word on', () => {
    const heap = newHeap();
    const chain = heap.tryAllocate(4);
    for (const [at, count] of [
      [0, 60],
      [14, 2],
      [15, 15],
      [16, 44],
      [59, 1],
      [60, 0],
    ] as const) {
      heap.store(chain, at, ramp(at + 100, count), count);
      expect(loaded(heap, chain, at, count)).toEqual(ramp(at + 100, count));
      expect(heap.equals(chain, at, ramp(at + 100, count), count)).toBe(true);
      for (let i = 0; i < count; i++) {
        expect(heap.words[heap.indexOf(chain, at + i)]).toBe(at + 100 + i);
        const other = ramp(at + 100, count);
        other[i] = 7;
        expect(heap.equals(chain, at, other, count)).toBe(false);
      }
    }
    expect(blocksOf(heap, chain)).toHaveLength(4);
  });

  it('needs one block for nothing, and one more for each word beyond a block', () => {
    expect([0, 1, CHAIN_WORDS, CHAIN_WORDS + 1, 2 * CHAIN_WORDS + 1].map(BlockHeap.blocksFor)).toEqual([
      1, 1, 1, 2, 3,
    ]);
  });
});

it('keeps every chain apart from every other, whatever is done', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('allocate' as const), size: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ do: fc.constantFrom('free', 'grow', 'shrink'), size: fc.integer({ min: 1, max: 8 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.nat(), (steps, seed) => {
      const heap = newHeap();
      const chains = new Map<number, { length: number; mark: number }>();
      let mark = 0;
      const fill = (chain: number, length: number): void => {
        mark++;
        chains.set(chain, { length, mark });
        const words = length * CHAIN_WORDS;
        heap.store(chain, 0, new Uint32Array(words).fill(mark), words);
      };
      for (const [index, { do: what, size }] of steps.entries()) {
        const used = [...chains.values()].reduce((sum, { length }) => sum + length, 0);
        const chosen = [...chains.keys()][(seed + index) % Math.max(1, chains.size)] ?? 0;
        const length = chains.get(chosen)?.length ?? 0;
        if (what === 'allocate') {
          const chain = heap.tryAllocate(size);
          expect(chain === 0).toBe(used + size > BLOCKS);
          if (chain !== 0) fill(chain, size);
        } else if (chosen !== 0 && what === 'free') {
          heap.free(chosen);
          chains.delete(chosen);
        } else if (chosen !== 0 && what === 'grow') {
          const fits = used - length + Math.max(length, size) <= BLOCKS;
          expect(heap.tryGrow(chosen, size)).toBe(fits);
          if (fits) fill(chosen, Math.max(length, size));
        } else if (chosen !== 0 && size <= length) {
          heap.shrink(chosen, size);
          fill(chosen, size);
        }
        for (const [chain, { length, mark }] of chains) {
          const words = length * CHAIN_WORDS;
          expect(blocksOf(heap, chain)).toHaveLength(length);
          expect(heap.equals(chain, 0, new Uint32Array(words).fill(mark), words)).toBe(true);
        }
        const total = [...chains.values()].reduce((sum, { length }) => sum + length, 0);
        expect([heap.usedBlocks, heap.freeBlocks]).toEqual([total, BLOCKS - total]);
      }
    }),
  );
});
