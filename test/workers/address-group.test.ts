import { SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressGroup } from '../../src/workers/address-group.ts';

describe('an address for the limits', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', 'unknown'],
    ['total', 'unknown'],
    ['192.0.2', 'unknown'],
    ['1:2:3', 'unknown'],
    ['192.0.2.1, 192.0.2.2', 'unknown'],
    ['x'.repeat(1000), 'unknown'],
  ])('is the IPv4 address, the /64 network of an IPv6 address, or unknown: %s', (address, group) => {
    expect(addressGroup(address)).toBe(group);
  });

  it('is the same for all addresses of a /64 network and for no other, however they are written', () => {
    const group = fc.oneof(fc.constant(0), fc.nat({ max: 0xffff }));
    const groups = fc.array(group, { minLength: 4, maxLength: 4 });
    const host = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 0xffff })), {
      minLength: 4,
      maxLength: 4,
    });
    const text = (numbers: number[]): string => numbers.map((number) => number.toString(16)).join(':');
    const isMapped = (numbers: number[]): boolean => numbers.slice(0, 5).every((number) => number === 0);
    fc.assert(
      fc.property(groups, groups, host, host, (one, other, a, b) => {
        fc.pre(!isMapped([...one, ...a]) && !isMapped([...one, ...b]) && !isMapped([...other, ...b]));
        const full = text([...one, ...a]);
        const compressed = new SocketAddress({ address: text([...one, ...b]), family: 'ipv6' }).address;
        expect(addressGroup(full)).toBe(addressGroup(compressed));
        expect(addressGroup(full) === addressGroup(text([...other, ...b]))).toBe(text(one) === text(other));
      }),
    );
  });
});
