import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HttpResponse } from '../../src/uws.ts';
import { remoteAddressOf } from '../../src/workers/remote-address.ts';

const addressOf = (bytes: readonly number[]): string => {
  const response: Partial<HttpResponse> = { getRemoteAddress: () => Uint8Array.from(bytes).buffer };
  return remoteAddressOf(response as HttpResponse);
};

const octets = (count: number) => fc.array(fc.nat(255), { minLength: count, maxLength: count });
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** The eight groups in full, with the IPv4 form at the end taken apart: one spelling for one address. */
const canonical = (text: string): string => new URL(`http://[${text}]/`).hostname;

describe('the address of an IPv4 peer', () => {
  it('is its four numbers', () => {
    fc.assert(
      fc.property(octets(4), (bytes) => {
        expect(addressOf(bytes)).toBe(bytes.join('.'));
        expect(isIPv4(addressOf(bytes))).toBe(true);
      }),
    );
  });

  it('is the same when its socket serves IPv6 too', () => {
    fc.assert(
      fc.property(octets(4), (bytes) => {
        expect(addressOf([...MAPPED, ...bytes])).toBe(addressOf(bytes));
      }),
    );
  });
});

describe('the address of an IPv6 peer', () => {
  it.each([
    ['::1', [...new Array(15).fill(0), 1]],
    ['::', new Array(16).fill(0)],
    ['2001:db8::1', [0x20, 0x01, 0x0d, 0xb8, ...new Array(11).fill(0), 1]],
    ['2001:db8:0:1:1:1:1:1', [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]],
    ['2001:0:0:1::1', [0x20, 0x01, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]],
    ['fe80::abcd', [0xfe, 0x80, ...new Array(12).fill(0), 0xab, 0xcd]],
  ])('is in the short form of RFC 5952: %s', (text, bytes) => {
    expect(addressOf(bytes)).toBe(text);
  });

  it('means the bytes it was made from', () => {
    // Zeros are what the short form is about: make them common.
    const group = fc.oneof(fc.constant(0), fc.nat(0xffff));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const bytes = groups.flatMap((value) => [value >> 8, value & 0xff]);
        fc.pre(!MAPPED.every((byte, index) => bytes[index] === byte));
        const text = addressOf(bytes);
        expect(isIPv6(text)).toBe(true);
        expect(canonical(text)).toBe(canonical(groups.map((value) => value.toString(16)).join(':')));
      }),
      { numRuns: 500 },
    );
  });
});

it.each([0, 1, 3, 5, 15, 17])('is empty when the peer is gone and there are %i bytes', (count) => {
  expect(addressOf(new Array(count).fill(1))).toBe('');
});
