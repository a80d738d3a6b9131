/**
 * Who a client is when it comes through proxies. The nearest of them is the peer of the socket. Each that is trusted is believed about
 * the one before it and about no other, so the way goes back from the socket, proxy by proxy, to the first that is not trusted.
 */
import type { BlockList } from 'node:net';
import { networkSet } from '../networks.ts';
import type { HttpResponse } from '../uws.ts';
import { normalAddress, proxiedAddressOf, remoteAddressOf } from './remote-address.ts';
import type { RequestHead } from './request-head.ts';

export class ClientAddress {
  readonly #hops: number;
  readonly #trusted: BlockList | null;

  /** A number of proxies, or a list of networks (see `networkSet`). */
  constructor(trustProxy: number | string) {
    this.#hops = typeof trustProxy === 'number' ? trustProxy : Number.POSITIVE_INFINITY;
    this.#trusted = typeof trustProxy === 'string' ? networkSet(trustProxy) : null;
  }

  /** The peer is a trusted proxy, and has named its client by the PROXY protocol. */
  isProxied(res: HttpResponse): boolean {
    if (this.#hops === 0 || proxiedAddressOf(res) === '') return false;
    const peer = remoteAddressOf(res);
    return peer !== '' && this.#isTrusted(peer);
  }

  /** The client's IP address in its usual text form; '' when the socket is gone already. */
  of(res: HttpResponse, head: RequestHead): string {
    let address = remoteAddressOf(res);
    let hops = 0;
    const isTrusted = (): boolean => address !== '' && hops < this.#hops && this.#isTrusted(address);
    if (!isTrusted()) return address;
    // What a proxy says in front of the request (PROXY protocol) is nearer than what is in it.
    const proxied = proxiedAddressOf(res);
    if (proxied !== '') {
      address = proxied;
      hops++;
    }
    const forwarded = head.header('x-forwarded-for');
    for (let end = forwarded.length; end > 0 && isTrusted(); ) {
      const start = forwarded.lastIndexOf(',', end - 1) + 1;
      const before = normalAddress(forwarded.slice(start, end));
      // What is not an address cannot be followed: the last good one counts.
      if (before === null) break;
      address = before;
      hops++;
      end = start - 1;
    }
    return address;
  }

  #isTrusted(address: string): boolean {
    return this.#trusted?.check(address, address.includes(':') ? 'ipv6' : 'ipv4') ?? true;
  }
}
