import type { RecognizedString } from '../uws.ts';
import type { MessageData } from '../websocket.ts';

/**
 * Message data in a form that uWebSockets.js takes. A lone surrogate becomes U+FFFD: it has no UTF-8 form, and sent as it is
 * the peer would have to fail the connection. Throws `TypeError` for what is neither text nor bytes.
 */
export function toNative(data: MessageData): RecognizedString {
  // A string as it is: encoding it here first, into a buffer that is used again, costs more (docs/performance.md).
  if (typeof data === 'string') return data.isWellFormed() ? data : data.toWellFormed();
  if (data instanceof DataView) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (typeof data?.byteLength !== 'number') {
    throw new TypeError(
      `message data must be a string or bytes, not ${data === null ? 'null' : typeof data}`,
    );
  }
  // It takes every buffer and view; its declarations name only some.
  return data as Uint8Array;
}

export const byteLength = (data: MessageData): number =>
  typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
