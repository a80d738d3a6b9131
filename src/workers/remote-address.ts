import { SocketAddress } from 'node:net';
import type { HttpResponse } from '../uws.ts';

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
/** ::ffff:0:0/96, the form in which an IPv4 peer appears on a socket that serves both (RFC 4291 section 2.5.5.2). */
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** The peer's IP address in its usual text form, IPv4 also where the socket is IPv6; '' when it is gone already. */
export function remoteAddressOf(res: HttpResponse): string {
  const bytes = new Uint8Array(res.getRemoteAddress());
  if (bytes.length === IPV4_BYTES) return bytes.join('.');
  if (bytes.length !== IPV6_BYTES) return '';
  if (MAPPED_PREFIX.every((byte, index) => bytes[index] === byte))
    return bytes.subarray(MAPPED_PREFIX.length).join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}
