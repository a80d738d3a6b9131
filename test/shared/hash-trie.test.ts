import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockHeap } from '../../src/shared/block-heap.ts';
import { HashTrie } from '../../src/shared/hash-trie.ts';
import { BLOCK_BYTES, HEAP_LINE_OFFSET } from '../../src/shared/layout.ts';

const FIRST_BLOCK = 3;
/** A word of block 2, which is nobody's. */
const ROOT = 33;

class Fixture {
  readonly heap: BlockHeap;
  readonly trie: HashTrie;

  constructor(blocks = 4096) {
    const memory = new SharedArrayBuffer((FIRST_BLOCK + blocks) * BLOCK_BYTES);
    BlockHeap.format(memory, HEAP_LINE_OFFSET, FIRST_BLOCK);
    this.heap = new BlockHeap(memory, HEAP_LINE_OFFSET);
    this.trie = new HashTrie(this.heap, ROOT);
  }

  /** A new leaf, or 0. */
  insert(hash: number): number {
    const leaf = this.heap.tryAllocate(1);
    if (leaf === 0 || this.trie.tryInsert(hash, leaf)) return leaf;
    this.heap.free(leaf);
    return 0;
  }

  remove(leaf: number): void {
    this.trie.remove(leaf);
    this.heap.free(leaf);
  }

  found(hash: number): number[] {
    const leaves: number[] = [];
    for (let leaf = this.trie.first(hash); leaf !== 0; leaf = this.trie.sibling(leaf)) leaves.push(leaf);
    return leaves.sort();
  }

  /** Every leaf, by `forEach`. */
  all(): number[] {
    const leaves: number[] = [];
    this.trie.forEach((leaf) => {
      leaves.push(leaf);
    });
    return leaves.sort();
  }

  /** Every leaf, by position. */
  inOrder(): number[] {
    const leaves: number[] = [];
    for (let position = 0; position < 2 ** 32; ) {
      const first = this.trie.leafFrom(position);
      if (first === 0) break;
      expect(this.trie.positionOf(first)).toBeGreaterThanOrEqual(position);
      leaves.push(...this.found(this.trie.hashOf(first)));
      position = this.trie.positionOf(first) + 1;
    }
    return leaves;
  }
}

/** Hashes that are often the same, or the same in many digits. */
const hash = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  fc.constantFrom(0, 0x1111_1111, 0x2111_1111, 0x1111_1112, 0xffff_ffff, 0x8000_0000, 0x7fff_ffff),
);

describe('a trie', () => {
  it('finds what was inserted, under every hash', () => {
    fc.assert(
      fc.property(fc.array(hash, { maxLength: 200 }), (hashes) => {
        const fixture = new Fixture();
        const expected = new Map<number, number[]>();
        for (const value of hashes) {
          const leaf = fixture.insert(value);
          expected.set(value, [...(expected.get(value) ?? []), leaf].sort());
          expect(fixture.trie.hashOf(leaf)).toBe(value);
        }
        for (const [value, leaves] of expected) expect(fixture.found(value)).toEqual(leaves);
        expect(fixture.found(0x5a5a_5a5a)).toEqual(expected.get(0x5a5a_5a5a) ?? []);
        expect(fixture.all()).toEqual([...expected.values()].flat().sort());
      }),
    );
  });

  it('loses exactly what is removed, and gives every node back in the end', () => {
    fc.assert(
      fc.property(fc.array(hash, { maxLength: 100 }), fc.infiniteStream(fc.nat()), (hashes, choices) => {
        const fixture = new Fixture();
        const leaves = hashes.map((value) => fixture.insert(value)).sort();
        while (leaves.length > 0) {
          const [leaf = 0] = leaves.splice((choices.next().value as number) % leaves.length, 1);
          const value = fixture.trie.hashOf(leaf);
          fixture.remove(leaf);
          expect(fixture.found(value)).not.toContain(leaf);
          expect(fixture.all()).toEqual(leaves);
        }
        expect(fixture.heap.usedBlocks).toBe(0);
        expect(fixture.heap.words[ROOT]).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('has the same nodes for the same leaves, in whatever order they came and went', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(hash, { maxLength: 50 }),
        fc.uniqueArray(hash, { maxLength: 50 }),
        (stay, go) => {
          const plain = new Fixture();
          for (const value of stay) plain.insert(value);
          const other = new Fixture();
          const leaving = go.map((value) => other.insert(value));
          for (const value of [...stay].reverse()) other.insert(value);
          for (const leaf of leaving) other.remove(leaf);
          expect(other.heap.usedBlocks).toBe(plain.heap.usedBlocks);
        },
      ),
    );
  });

  it('is walked in order of position, each leaf once', () => {
    fc.assert(
      fc.property(fc.array(hash, { maxLength: 100 }), (hashes) => {
        const fixture = new Fixture();
        for (const value of hashes) fixture.insert(value);
        const order = fixture.inOrder();
        const positions = order.map((leaf) => fixture.trie.positionOf(leaf));
        expect(positions).toEqual(positions.toSorted((a, b) => a - b));
        expect(order.toSorted()).toEqual(fixture.all());
      }),
    );
  });

  it('changes nothing when there is no room for its nodes', () => {
    // Two hashes that part at the last digit need eight nodes.
    const fixture = new Fixture(2 + 7);
    const leaf = fixture.insert(0x0111_1111);
    expect(fixture.insert(0x1111_1111)).toBe(0);
    expect(fixture.found(0x0111_1111)).toEqual([leaf]);
    expect(fixture.found(0x1111_1111)).toEqual([]);
    expect(fixture.heap.usedBlocks).toBe(1);
    expect(fixture.insert(0x0111_1111)).not.toBe(0);
  });

  it('needs no more nodes than the digits that two hashes share, and one', () => {
    const fixture = new Fixture();
    fixture.insert(0x0000_0011);
    fixture.insert(0x0000_0021);
    expect(fixture.heap.usedBlocks).toBe(2 + 2);
  });
});

describe('what was detached', () => {
  it('is given back whole, while the trie is used on', () => {
    fc.assert(
      fc.property(fc.array(hash, { maxLength: 100 }), fc.array(hash, { maxLength: 20 }), (first, second) => {
        const fixture = new Fixture();
        const before = first.map((value) => fixture.insert(value)).sort();
        const reference = fixture.trie.detach();
        expect(fixture.all()).toEqual([]);
        const after = second.map((value) => fixture.insert(value)).sort();
        const freed: number[] = [];
        fixture.trie.free(reference, (leaf) => {
          freed.push(leaf);
          fixture.heap.free(leaf);
        });
        expect(freed.sort()).toEqual(before);
        expect(fixture.all()).toEqual(after);
        for (const leaf of after) fixture.remove(leaf);
        expect(fixture.heap.usedBlocks).toBe(0);
      }),
    );
  });
});
