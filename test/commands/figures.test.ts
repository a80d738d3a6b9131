import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainText, shownBytes, shownCount, shownTime } from '../../src/commands/figures.ts';

describe('a count', () => {
  it.each([
    [0, '0'],
    [9999, '9999'],
    [9999.4, '9999'],
    [10_000, '10.0k'],
    [99_949, '99.9k'],
    [99_950, '100k'],
    [999_499, '999k'],
    [999_500, '1.00M'],
    [12_345_678, '12.3M'],
    [1e12, '1000000M'],
  ])('keeps three digits when it is %d', (count, shown) => {
    expect(shownCount(count)).toBe(shown);
  });
});

describe('a size', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [16 * 1024 * 1024, '16.0 MiB'],
    [1023 * 1024 * 1024, '1.00 GiB'],
    [2 ** 50, '1024 TiB'],
  ])('has a unit when it is %d', (bytes, shown) => {
    expect(shownBytes(bytes)).toBe(shown);
  });
});

describe('a time', () => {
  it.each([
    [999, '0s'],
    [59_999, '59s'],
    [60_000, '1m 0s'],
    [3_599_999, '59m 59s'],
    [3_600_000, '1h 0m'],
    [90_000_000, '1d 1h'],
  ])('has its two largest units when it is %d ms', (ms, shown) => {
    expect(shownTime(ms)).toBe(shown);
  });
});

describe('plain text', () => {
  it.each([
    ['\x1b[31mred\x1b[0m', 'red'],
    ['\x1b]0;title\x07after', 'after'],
    ['a\r\nb\tc', 'a b c'],
    ['\x9b2Jcleared', 'cleared'],
    ['right\u202eleft', 'rightleft'],
    ['grüße 🙂', 'grüße 🙂'],
  ])('has no control characters when the text is %j', (text, plain) => {
    expect(plainText(text)).toBe(plain);
  });

  it('has nothing that a terminal would obey whatever the text is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(plainText(text)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
      }),
    );
  });
});
