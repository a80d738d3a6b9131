import { describe, expect, it } from 'vitest';
import { type HashKey, halfSipHash } from '../../src/shared/half-sip-hash.ts';

/** Key 00 01 … 07; inputs 00 01 02 … of 0 to 16 bytes, and of 63: `vectors_hsip32` of the authors' reference implementation. */
const REFERENCE_KEY: HashKey = [0x03020100, 0x07060504];
const REFERENCE: readonly [number, number][] = [
  ...[
    0x5b9f35a9, 0xb85a4727, 0x03a662fa, 0x04e7fe8a, 0x89466e2a, 0x69b6fac5, 0x23fc6358, 0xc563cf8b,
    0x8f84b8d0, 0x79e706f8, 0x3479b094, 0x50300808, 0x2f87f057, 0xff63e677, 0x7cf8ffd6, 0x972bfe74,
    0x84acb5d9,
  ].map((hash, byteLength): [number, number] => [byteLength, hash]),
  [63, 0x744aea59],
];

/** 00 01 02 …, in whole words. */
function input(byteLength: number): Uint32Array {
  const bytes = new Uint8Array(64);
  for (let i = 0; i < byteLength; i++) bytes[i] = i;
  return new Uint32Array(bytes.buffer);
}

describe('the hash', () => {
  it.each(REFERENCE)('is that of the reference for %i bytes', (byteLength, expected) => {
    expect(halfSipHash(REFERENCE_KEY, input(byteLength), byteLength)).toBe(expected);
  });

  it('depends on both words of the key', () => {
    const [low, high] = REFERENCE_KEY;
    const hashes = [
      halfSipHash([low, high], input(8), 8),
      halfSipHash([low ^ 1, high], input(8), 8),
      halfSipHash([low, high ^ 1], input(8), 8),
    ];
    expect(new Set(hashes).size).toBe(3);
  });

  it('is not changed by what is behind the last word', () => {
    for (const byteLength of [0, 4, 8, 9]) {
      const words = input(byteLength);
      words[(byteLength + 3) >>> 2] = 0xdead_beef;
      expect(halfSipHash(REFERENCE_KEY, words, byteLength)).toBe(
        halfSipHash(REFERENCE_KEY, input(byteLength), byteLength),
      );
    }
  });
});
