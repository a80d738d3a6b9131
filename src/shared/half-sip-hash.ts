/**
 * HalfSipHash-2-4: a keyed hash of 32 bits. With a random key per start, nobody outside can make names that collide.
 * J.-P. Aumasson, D. J. Bernstein: "SipHash: a fast short-input PRF", 2012; the variant with words of 32 bits is from the
 * authors' reference implementation.
 */

/** The two words of a key. */
export type HashKey = readonly [number, number];

const BITS = 32;
const rotate = (x: number, by: number): number => (x << by) | (x >>> (BITS - by));

/** Hashes the first `byteLength` bytes of `words`, in little-endian order; bytes behind them in the last word must be 0. */
export function halfSipHash(key: HashKey, words: Uint32Array, byteLength: number): number {
  const [k0, k1] = key;
  let v0 = k0;
  let v1 = k1;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  const whole = byteLength >>> 2;
  // One word more than there are whole ones: the rest of the bytes, with the length above them.
  for (let i = 0; i <= whole; i++) {
    const rest = (byteLength & 3) === 0 ? 0 : (words[whole] as number);
    const word = i < whole ? (words[i] as number) : (byteLength << 24) | rest;
    v3 ^= word;
    for (let round = 0; round < 2; round++) {
      v0 = (v0 + v1) | 0;
      v1 = rotate(v1, 5) ^ v0;
      v0 = rotate(v0, 16);
      v2 = (v2 + v3) | 0;
      v3 = rotate(v3, 8) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = rotate(v3, 7) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = rotate(v1, 13) ^ v2;
      v2 = rotate(v2, 16);
    }
    v0 ^= word;
  }
  v2 ^= 0xff;
  for (let round = 0; round < 4; round++) {
    v0 = (v0 + v1) | 0;
    v1 = rotate(v1, 5) ^ v0;
    v0 = rotate(v0, 16);
    v2 = (v2 + v3) | 0;
    v3 = rotate(v3, 8) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = rotate(v3, 7) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = rotate(v1, 13) ^ v2;
    v2 = rotate(v2, 16);
  }
  return (v1 ^ v3) >>> 0;
}
