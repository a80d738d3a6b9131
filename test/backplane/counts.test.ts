import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openCounts, packCounts } from '../../src/backplane/counts.ts';

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((text) => Buffer.byteLength(text) <= 255);

it('gives back what was packed, whatever the names', () => {
  const counts = fc.uniqueArray(fc.tuple(name, fc.nat()), { selector: ([channel]) => channel });
  fc.assert(
    fc.property(counts, (entries) => {
      expect(openCounts(packCounts(new Map(entries)))).toEqual(new Map(entries));
    }),
  );
});

it('gives back none when nothing was packed', () => {
  expect(openCounts(packCounts(new Map()))).toEqual(new Map());
});

it.each([
  ['ends in a name', Buffer.from([5, 97])],
  ['ends in a count', Buffer.from([1, 97, 0, 0])],
  ['has a name without bytes', Buffer.from([0, 0, 0, 0, 1])],
])('refuses bytes when it %s', (_, bytes) => {
  expect(openCounts(bytes)).toBeUndefined();
});

it('never fails, whatever the bytes are', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void openCounts(bytes)));
});
