/** IP addresses as text, one spelling for each: IPv4 also where the socket is IPv6, IPv6 in the short form of RFC 5952. */
import { isIP, SocketAddress } from 'node:net';
import type { HttpResponse } from '../uws.ts';

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
/** ::ffff:0:0/96, the form in which an IPv4 peer appears on a socket that serves both (RFC 4291 section 2.5.5.2). */
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const;
/** The same in front of an address in its short form. */
const MAPPED = '::ffff:';

/** The address of the socket's peer; '' when it is gone already. */
export const remoteAddressOf = (res: HttpResponse): string => textOf(res.getRemoteAddress());

/** The address that a PROXY protocol header (version 2) names, sent by whoever; '' when there was none. */
export const proxiedAddressOf = (res: HttpResponse): string => textOf(res.getProxiedRemoteAddress());

/** The last address in both forms. Connections of one proxy come in a row, and share the text then. */
let last = { bytes: new Uint8Array(0), text: '' };

function textOf(address: ArrayBuffer): string {
  const bytes = new Uint8Array(address);
  if (!isSame(bytes, last.bytes)) last = { bytes: bytes.slice(), text: spelled(bytes) };
  return last.text;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return at === one.length && at === other.length;
}

function spelled(bytes: Uint8Array): string {
  if (bytes.length === IPV4_BYTES) return dotted(bytes, 0);
  if (bytes.length !== IPV6_BYTES) return '';
  if (MAPPED_PREFIX.every((byte, index) => bytes[index] === byte)) return dotted(bytes, MAPPED_PREFIX.length);
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return shortForm(groups.join(':'));
}

/** Joined, and not put together piece by piece: the pieces would be kept. */
const dotted = (bytes: Uint8Array, start: number): string => bytes.subarray(start).join('.');

/** `1.2.3.4`, `1.2.3.4:567`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:567`, as proxies write them. Null when it is none. */
export function normalAddress(text: string): string | null {
  const [, inBrackets, ipv4, plain] =
    /^(?:\[([\da-f:.]+)\](?::\d{1,5})?|([\d.]+)(?::\d{1,5})?|([\da-f:.]+))$/i.exec(text.trim()) ?? [];
  const address = inBrackets ?? ipv4 ?? plain ?? '';
  const version = isIP(address);
  if (version === 4) return inBrackets === undefined ? address : null;
  if (version === 0) return null;
  const short = shortForm(address);
  const mapped = short.startsWith(MAPPED) ? short.slice(MAPPED.length) : '';
  return isIP(mapped) === 4 ? mapped : short;
}

const shortForm = (ipv6: string): string => new SocketAddress({ address: ipv6, family: 'ipv6' }).address;
