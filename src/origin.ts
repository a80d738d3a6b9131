/** Origins (RFC 6454): who the page belongs to that opens a connection. */

/** scheme://host[:port] and nothing else. A host in brackets is IPv6; names beyond ASCII come in their xn-- form. */
const ORIGIN = /^([a-z][a-z\d+.-]*):\/\/(\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443, ws: 80, wss: 443 };
const MAX_PORT = 65_535;

/** What a browser sends for a page without an origin of its own: a sandboxed frame, a file, a data: URL. */
const OPAQUE = 'null';
export const ANY_ORIGIN = '*';

/** One spelling for one origin: lower case, no default port. Null when the text is no origin. */
export function normalOrigin(text: string): string | null {
  if (text === OPAQUE) return OPAQUE;
  const [, scheme = '', host, port] = ORIGIN.exec(text.toLowerCase()) ?? [];
  if (host === undefined) return null;
  const number = Number(port ?? DEFAULT_PORTS[scheme] ?? 0);
  if (number > MAX_PORT) return null;
  const isDefault = port === undefined || number === DEFAULT_PORTS[scheme];
  return `${scheme}://${host}${isDefault ? '' : `:${number}`}`;
}

/** A list of origins with commas, each in its one spelling; `*` stands alone. Undefined when an entry is no origin. */
export function normalOrigins(list: string): string | undefined {
  if (list === '') return '';
  if (list.trim() === ANY_ORIGIN) return ANY_ORIGIN;
  const origins = list.split(',').map((entry) => normalOrigin(entry.trim()));
  return origins.includes(null) ? undefined : [...new Set(origins)].join(',');
}
