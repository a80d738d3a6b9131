import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HttpResponse } from '../../src/uws.ts';
import { ClientAddress } from '../../src/workers/client-address.ts';
import { RequestHead } from '../../src/workers/request-head.ts';
import { fakeRequest } from '../harness/fake-request.ts';

interface Peer {
  readonly socket?: string;
  /** From a PROXY protocol header. */
  readonly proxied?: string;
}

const bytesOf = (ipv4: string): ArrayBuffer =>
  Uint8Array.from(ipv4 === '' ? [] : ipv4.split('.').map(Number)).buffer;

/** The address of a client whose request came with these X-Forwarded-For headers. */
function addressOf(
  trustProxy: number | string,
  forwarded: readonly string[],
  { socket = '10.0.0.1', proxied = '' }: Peer = {},
): string {
  const response: Partial<HttpResponse> = {
    getRemoteAddress: () => bytesOf(socket),
    getProxiedRemoteAddress: () => bytesOf(proxied),
  };
  const headers = forwarded.map((value) => ['x-forwarded-for', value] as const);
  const head = new RequestHead(fakeRequest({ headers }).request);
  return new ClientAddress(trustProxy).of(response as HttpResponse, head);
}

describe("the client's address", () => {
  it('is that of the socket when no proxy is trusted, whatever the headers say', () => {
    expect(addressOf(0, ['203.0.113.7'], { proxied: '203.0.113.8' })).toBe('10.0.0.1');
  });

  it('is that of the socket when the peer is not a trusted proxy', () => {
    expect(addressOf('10.0.0.0/8', ['203.0.113.7'], { socket: '192.0.2.1', proxied: '203.0.113.8' })).toBe(
      '192.0.2.1',
    );
  });

  it('is that of the socket when a trusted proxy says nothing', () => {
    expect(addressOf(1, [])).toBe('10.0.0.1');
    expect(addressOf('10.0.0.0/8', [''])).toBe('10.0.0.1');
  });

  it('is empty when the peer is gone', () => {
    expect(addressOf(1, ['203.0.113.7'], { socket: '' })).toBe('');
    expect(addressOf('10.0.0.0/8', ['203.0.113.7'], { socket: '' })).toBe('');
  });
});

describe('X-Forwarded-For', () => {
  it.each([
    [1, '203.0.113.7'],
    [2, '198.51.100.2'],
    [3, '198.51.100.1'],
    [32, '198.51.100.1'],
  ])('is read from the right, as many entries as there are proxies: %i', (hops, address) => {
    expect(addressOf(hops, ['198.51.100.1, 198.51.100.2', '203.0.113.7'])).toBe(address);
  });

  it('is read from the right to the first address that is not a trusted proxy', () => {
    const forwarded = ['198.51.100.1, 203.0.113.7, 10.2.2.2', '10.3.3.3'];
    expect(addressOf('10.0.0.0/8', forwarded)).toBe('203.0.113.7');
    expect(addressOf('10.0.0.1', forwarded)).toBe('10.3.3.3');
  });

  it('gives the farthest proxy when all of them are trusted', () => {
    expect(addressOf('10.0.0.0/8', ['10.1.1.1,10.2.2.2'])).toBe('10.1.1.1');
  });

  it.each([
    'unknown',
    '_hidden',
    '',
    ' ',
    '1.2.3',
    '203.0.113.999',
    'fe80::1%eth0',
    '[203.0.113.7]',
    '"::1"',
    '\xff',
  ])('ends at the last good entry when one is no address: "%s"', (bad) => {
    expect(addressOf(9, [`198.51.100.1, ${bad}, 203.0.113.7`])).toBe('203.0.113.7');
    expect(addressOf('10.0.0.0/8', [`198.51.100.1, ${bad}, 10.2.2.2`])).toBe('10.2.2.2');
    expect(addressOf(9, [`198.51.100.1, ${bad}`])).toBe('10.0.0.1');
  });

  it.each([
    ['203.0.113.7:5678', '203.0.113.7'],
    ['[2001:DB8:0::7]:5678', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['2001:db8::7', '2001:db8::7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
  ])('may have an address in any of its forms: %s', (entry, address) => {
    expect(addressOf(1, [entry])).toBe(address);
  });

  it('cannot get an address of its choice past the proxies when the client writes it', () => {
    const entry = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string());
    fc.assert(
      fc.property(fc.array(entry), (written) => {
        const forwarded = [...written, '203.0.113.7, 10.2.2.2'];
        expect(addressOf(2, forwarded)).toBe('203.0.113.7');
        expect(addressOf('10.0.0.0/8', forwarded)).toBe('203.0.113.7');
      }),
    );
  });

  it('is read in no time when it is long', () => {
    expect(addressOf('10.0.0.0/8', [`203.0.113.7${','.repeat(100_000)}`])).toBe('10.0.0.1');
    expect(addressOf(1, ['1'.repeat(100_000)])).toBe('10.0.0.1');
  });
});

describe('a PROXY protocol header', () => {
  it('names the client when it comes from a trusted proxy', () => {
    expect(addressOf(1, [], { proxied: '203.0.113.7' })).toBe('203.0.113.7');
    expect(addressOf('10.0.0.0/8', [], { proxied: '203.0.113.7' })).toBe('203.0.113.7');
  });

  it('is nearer than X-Forwarded-For, which the client may have written then', () => {
    expect(addressOf(1, ['198.51.100.1'], { proxied: '203.0.113.7' })).toBe('203.0.113.7');
    expect(addressOf('10.0.0.0/8', ['198.51.100.1'], { proxied: '203.0.113.7' })).toBe('203.0.113.7');
  });

  it('leads to X-Forwarded-For when the proxy that it names is trusted too', () => {
    expect(addressOf(2, ['203.0.113.7'], { proxied: '10.2.2.2' })).toBe('203.0.113.7');
    expect(addressOf('10.0.0.0/8', ['203.0.113.7'], { proxied: '10.2.2.2' })).toBe('203.0.113.7');
  });
});
