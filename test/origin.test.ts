import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalOrigin, normalOrigins } from '../src/origin.ts';

describe('one spelling for an origin', () => {
  it.each([
    ['https://example.com', 'https://example.com'],
    ['HTTPS://Example.COM', 'https://example.com'],
    ['https://example.com:443', 'https://example.com'],
    ['http://example.com:80', 'http://example.com'],
    ['http://example.com:443', 'http://example.com:443'],
    ['https://example.com:0443', 'https://example.com'],
    ['https://example.com:8443', 'https://example.com:8443'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
    ['https://xn--bcher-kva.example', 'https://xn--bcher-kva.example'],
    ['chrome-extension://abcdefghijklmnop', 'chrome-extension://abcdefghijklmnop'],
    ['null', 'null'],
  ])('is %s → %s', (text, origin) => {
    expect(normalOrigin(text)).toBe(origin);
  });

  it.each([
    '',
    ' ',
    '*',
    'example.com',
    'https:/example.com',
    'https://',
    'https://example.com/',
    'https://example.com/path',
    'https://example.com?',
    'https://user@example.com',
    'https://*.example.com',
    'https://example.com:65536',
    'https://example.com:',
    'https://example.com, https://example.com',
    'https://example.com https://other.example',
    ' https://example.com',
    'https://bücher.example',
    'https://example.com\n',
    'NULL',
  ])('is not found in what is no origin: "%s"', (text) => {
    expect(normalOrigin(text)).toBeNull();
  });

  it('is the one that the URL standard gives, when that is a plain one', () => {
    fc.assert(
      fc.property(fc.webUrl(), (text) => {
        const { origin } = new URL(text);
        expect(normalOrigin(origin)).toBe(origin);
      }),
    );
  });

  it('stays as it is when it is normal already', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (scheme, rest) => {
        const origin = normalOrigin(`${scheme}://${rest}`);
        if (origin !== null) expect(normalOrigin(origin)).toBe(origin);
      }),
    );
  });

  it('is refused in no time when the text is long', () => {
    for (const part of ['a', '.', ':', '1', '-', '//', '[:'])
      expect(normalOrigin(`https://${part.repeat(100_000)}/`)).toBeNull();
  });
});

describe('a list of origins', () => {
  it('keeps each once, in its one spelling', () => {
    expect(normalOrigins(' https://A.example:443 ,http://b.example,https://a.example, null')).toBe(
      'https://a.example,http://b.example,null',
    );
  });

  it('may be empty, or * alone', () => {
    expect(['', '*', ' * '].map(normalOrigins)).toEqual(['', '*', '*']);
  });

  it.each([
    ' ',
    ',',
    'https://a.example,',
    'https://a.example,*',
    'a.example',
    'https://a.example;https://b.example',
  ])('is not accepted when an entry is no origin: "%s"', (list) => {
    expect(normalOrigins(list)).toBeUndefined();
  });
});
