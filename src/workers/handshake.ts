/** What RFC 6455 section 4.2.1 asks of a client's handshake. uWebSockets.js checks only the length of the key. */
import { selectExtension } from './extensions.ts';
import { TOKEN } from './field-value.ts';
import type { RequestHead } from './request-head.ts';

export type HandshakeFault = { readonly status: 400 | 426; readonly why: string };

/** Base64 of 16 bytes: 21 free characters, one that carries two bits, and the padding. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

export const SUPPORTED_VERSION = '13';

const hasToken = (list: string, token: string): boolean =>
  list === token || list.split(',').some((item) => item.trim().toLowerCase() === token);

/** The request wants a WebSocket, rightly or wrongly; anything else is plain HTTP. */
export function asksForWebSocket(head: RequestHead): boolean {
  return hasToken(head.header('upgrade'), 'websocket') || head.header('sec-websocket-key') !== '';
}

/** Why this handshake is refused, or null when it is valid. */
export function findHandshakeFault(head: RequestHead): HandshakeFault | null {
  const bad = (why: string): HandshakeFault => ({ status: 400, why });
  if (head.method !== 'GET') return bad('the method of a WebSocket handshake is GET');
  if (head.count('host') !== 1) return bad('exactly one Host header is needed');
  if (!hasToken(head.header('upgrade'), 'websocket')) return bad('Upgrade: websocket is missing');
  if (!hasToken(head.header('connection'), 'upgrade')) return bad('Connection: Upgrade is missing');
  if (head.header('sec-websocket-version') !== SUPPORTED_VERSION) {
    return { status: 426, why: `Sec-WebSocket-Version must be ${SUPPORTED_VERSION}` };
  }
  if (head.count('sec-websocket-key') !== 1 || !KEY.test(head.header('sec-websocket-key'))) {
    return bad('Sec-WebSocket-Key must be the base64 form of 16 bytes');
  }
  const hasBody = head.count('transfer-encoding') > 0 || !/^0*$/.test(head.header('content-length'));
  if (hasBody) return bad('a WebSocket handshake has no body');
  if (offeredProtocols(head) === null) return bad('Sec-WebSocket-Protocol must list different tokens');
  if (selectExtension(head.header('sec-websocket-extensions')) === null) {
    return bad('Sec-WebSocket-Extensions is malformed');
  }
  return null;
}

/** Subprotocols in the client's order of preference, or null when the header is malformed. */
export function offeredProtocols(head: RequestHead): string[] | null {
  const header = head.header('sec-websocket-protocol');
  if (header === '') return [];
  // Empty elements of a list are ignored (RFC 9110 section 5.6.1.2).
  const protocols = header
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const valid = protocols.every((item) => TOKEN.test(item)) && new Set(protocols).size === protocols.length;
  return valid ? protocols : null;
}
