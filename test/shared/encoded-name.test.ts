import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EncodedName, MAX_NAME_BYTES } from '../../src/shared/encoded-name.ts';
import { type HashKey, halfSipHash } from '../../src/shared/half-sip-hash.ts';

const KEY: HashKey = [0x0302_0100, 0x0706_0504];
/** Any string that UTF-8 can carry, of 1 to 255 bytes. */
const anyName = fc
  .string({ unit: 'binary', minLength: 1, maxLength: MAX_NAME_BYTES })
  .filter((name) => Buffer.byteLength(name) <= MAX_NAME_BYTES);
/** UTF-16 as clients can send it by way of JSON, halves of surrogate pairs included. */
const anyUtf16 = fc
  .array(fc.oneof(fc.constantFrom(0xd800, 0xdc00, 0xdfff, 0xfffd, 0x41), fc.nat(0xffff)), {
    minLength: 1,
    maxLength: 4,
  })
  .map((units) => String.fromCharCode(...units));

function encoded(name: string): EncodedName {
  const encodedName = new EncodedName(KEY);
  expect(encodedName.trySet(name)).toBe(true);
  return encodedName;
}

const bytesOf = ({ words, byteLength }: EncodedName): Buffer =>
  Buffer.from(words.buffer, words.byteOffset, byteLength);

describe('an encoded name', () => {
  it('holds the bytes of the name in UTF-8, whatever was in it before', () => {
    const reused = new EncodedName(KEY);
    fc.assert(
      fc.property(anyName, (name) => {
        expect(reused.trySet(name)).toBe(true);
        expect(bytesOf(reused).equals(Buffer.from(name))).toBe(true);
        expect(reused.wordLength).toBe(Math.ceil(reused.byteLength / 4));
      }),
    );
  });

  it('has zeros behind its last byte when a longer name was there before', () => {
    const reused = new EncodedName(KEY);
    for (let byteLength = MAX_NAME_BYTES; byteLength >= 1; byteLength--) {
      expect(reused.trySet('z'.repeat(byteLength))).toBe(true);
      const padded = new Uint8Array(reused.words.buffer, byteLength, reused.wordLength * 4 - byteLength);
      expect([...padded].every((byte) => byte === 0)).toBe(true);
    }
  });

  it('has the hash of its bytes and of nothing else, whatever was in it before', () => {
    const reused = new EncodedName(KEY);
    fc.assert(
      fc.property(anyName, (name) => {
        reused.trySet(name);
        const bytes = Buffer.from(name);
        const words = new Uint32Array(Math.ceil(bytes.length / 4));
        bytes.copy(Buffer.from(words.buffer));
        expect(reused.hash).toBe(halfSipHash(KEY, words, bytes.length));
        expect(reused.hash).toBe(encoded(name).hash);
      }),
    );
  });

  it('has another hash when the key is another one', () => {
    const names = Array.from({ length: 64 }, (_, index) => `name ${index}`);
    const hashes = ([[1, 2] as const, [1, 3] as const, [2, 2] as const] satisfies HashKey[]).map((key) => {
      const encodedName = new EncodedName(key);
      return names.map((name) => encodedName.trySet(name) && encodedName.hash).join();
    });
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

describe('a name', () => {
  it.each([
    ['one byte', 'x', 1],
    ['255 bytes of ASCII', 'x'.repeat(255), 255],
    ['85 characters of 3 bytes', '€'.repeat(85), 255],
    ['63 characters of 4 bytes and one of 3', `${'😀'.repeat(63)}€`, 255],
    ['a zero byte', '\0', 1],
  ])('is taken when it is %s', (_, name, byteLength) => {
    expect(encoded(name).byteLength).toBe(byteLength);
  });

  it.each([
    ['empty', ''],
    ['256 bytes of ASCII', 'x'.repeat(256)],
    ['64 characters of 4 bytes', '😀'.repeat(64)],
    ['128 characters of 2 bytes', 'é'.repeat(128)],
  ])('is refused, and what was there before stays, when it is %s', (_, name) => {
    const before = encoded('before');
    const { hash } = before;
    expect(before.trySet(name)).toBe(false);
    expect(bytesOf(before).toString()).toBe('before');
    expect(before.hash).toBe(hash);
  });

  it('is told from a name with zero bytes behind it', () => {
    for (let length = 1; length <= 9; length++) {
      const short = encoded('a'.repeat(length));
      const long = encoded(`${'a'.repeat(length)}\0`);
      expect(short.byteLength).not.toBe(long.byteLength);
      expect(short.hash).not.toBe(long.hash);
    }
  });

  it('never has the bytes of another name, also when a client sends halves of surrogate pairs', () => {
    const one = new EncodedName(KEY);
    const other = new EncodedName(KEY);
    fc.assert(
      fc.property(anyUtf16, anyUtf16, (a, b) => {
        if (a === b || !one.trySet(a) || !other.trySet(b)) return;
        expect(bytesOf(one).equals(bytesOf(other))).toBe(false);
      }),
      { examples: [['\ud800', '\ufffd']] },
    );
  });
});
