import { describe, expect, it } from 'vitest';
import { networkSet, normalNetworks } from '../src/networks.ts';

const holds = (list: string, address: string): boolean =>
  networkSet(list).check(address, address.includes(':') ? 'ipv6' : 'ipv4');

describe('a list of networks', () => {
  it('is kept in lower case, without blanks', () => {
    expect(normalNetworks(' 10.0.0.0/8 ,2001:DB8::/32, Loopback')).toBe('10.0.0.0/8,2001:db8::/32,loopback');
  });

  it.each([
    '',
    ',',
    '10.0.0.0/8,',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '10.0.0.256',
    '010.0.0.1',
    '2001:db8::/129',
    '2001:db8::g/32',
    'fe80::1%eth0',
    'localhost',
    'constructor',
    'all',
    '[::1]',
  ])('is not accepted when an entry is no network: "%s"', (list) => {
    expect(normalNetworks(list)).toBeUndefined();
  });

  it.each(['0.0.0.0/0', '::/0'])('is not accepted when it would trust everybody: %s', (list) => {
    expect(normalNetworks(list)).toBeUndefined();
  });
});

describe('the set of addresses that a list means', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['::1', '::1', true],
    ['loopback', '127.1.2.3', true],
    ['loopback', '::1', true],
    ['loopback', '10.0.0.1', false],
    ['private', '10.0.0.1', true],
    ['private', '172.31.255.255', true],
    ['private', '172.32.0.0', false],
    ['private', '192.168.0.1', true],
    ['private', 'fd00::1', true],
    ['private', '127.0.0.1', false],
    ['10.0.0.0/8,loopback', '127.0.0.1', true],
  ])('of %s: is %s in it? %s', (list, address, isIn) => {
    expect(holds(list, address)).toBe(isIn);
  });
});
