/** Networks of IP addresses, written as a list: `10.0.0.0/8`, `2001:db8::/32`, a single address, or a name for some of them. */
import { BlockList, isIP } from 'node:net';

const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

interface Network {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly prefix: number;
}

/** Null when the text is no network. One of all addresses is none: it would mean everybody. */
function parseNetwork(text: string): Network | null {
  const [, address = '', digits] = /^([\da-f:.]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return null;
  const bits = version === 4 ? 32 : 128;
  const prefix = Number(digits ?? bits);
  if (prefix < 1 || prefix > bits) return null;
  return { address, family: version === 4 ? 'ipv4' : 'ipv6', prefix };
}

/** The list in lower case, without blanks. Undefined when an entry is neither a network nor a name. */
export function normalNetworks(list: string): string | undefined {
  const entries = list.split(',').map((entry) => entry.trim().toLowerCase());
  const areValid = entries.every((entry) => Object.hasOwn(NAMED, entry) || parseNetwork(entry) !== null);
  return areValid ? entries.join(',') : undefined;
}

/** The set of addresses that a list means. Entries that are not valid mean none. */
export function networkSet(list: string): BlockList {
  const set = new BlockList();
  for (const text of list.split(',').flatMap((entry) => NAMED[entry] ?? entry)) {
    const network = parseNetwork(text);
    if (network) set.addSubnet(network.address, network.prefix, network.family);
  }
  return set;
}
