/** What counts as one address for the limits per IP address. */
import { isIPv4, isIPv6 } from 'node:net';

const GROUPS = 8;
/** An IPv6 network of one customer has a prefix of 64 bits at least (RFC 6177), and each host may use all addresses in it. */
const PREFIX_GROUPS = 4;
/** Groups before the IPv4 address in ::ffff:0:0/96 (RFC 4291 section 2.5.5.2). */
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0xffff];
/** All clients whose address is not known count as one. */
const UNKNOWN = 'unknown';

/** An IPv4 address as it is, also from its mapped form; of an IPv6 address the /64 network; anything else as `unknown`. */
export function addressGroup(address: string): string {
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return UNKNOWN;
  const groups = ipv6Groups(address);
  if (MAPPED_PREFIX.every((group, index) => groups[index] === group)) {
    return groups
      .slice(MAPPED_PREFIX.length)
      .flatMap((group) => [group >>> 8, group & 0xff])
      .join('.');
  }
  const prefix = groups.slice(0, PREFIX_GROUPS).map((group) => group.toString(16));
  return `${prefix.join(':')}::/64`;
}

/** The eight numbers of a valid IPv6 address. */
function ipv6Groups(address: string): number[] {
  const [text = ''] = address.split('%');
  const [head = '', tail = ''] = text.split('::');
  const before = numbersOf(head);
  const after = numbersOf(tail);
  const zeros = new Array<number>(Math.max(0, GROUPS - before.length - after.length)).fill(0);
  return [...before, ...zeros, ...after];
}

/** The last part may be an IPv4 address, which is two groups. */
function numbersOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
