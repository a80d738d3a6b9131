import type { RecognizedString } from '../uws.ts';
import { type MessageData, toTextOrBytes } from '../websocket.ts';

/**
 * Message data in a form that uWebSockets.js takes. A lone surrogate becomes U+FFFD: it has no UTF-8 form, and sent as it is
 * the peer would have to fail the connection. Throws `TypeError` for what is neither text nor bytes.
 */
export function toNative(data: MessageData): RecognizedString {
  // A string as it is: encoding it here first, into a buffer that is used again, costs more (docs/performance.md).
  if (typeof data === 'string') return data.isWellFormed() ? data : data.toWellFormed();
  // It takes every buffer and view but a DataView; its declarations name only some.
  const isTaken = typeof data?.byteLength === 'number' && !(data instanceof DataView);
  return isTaken ? (data as Uint8Array) : toTextOrBytes(data);
}

export const byteLength = (data: MessageData): number =>
  typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
