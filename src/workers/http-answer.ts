import { STATUS_CODES } from 'node:http';
import type { HttpResponse } from '../uws.ts';

export const statusLine = (status: number): string => `${status} ${STATUS_CODES[status] ?? 'Unknown'}`;

/** uWebSockets.js writes these itself, or they belong to one hop and not to the answer. */
const NOT_FOR_USERS = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

export function writeHeaders(res: HttpResponse, headers: Iterable<readonly [string, string]>): void {
  for (const [name, value] of headers) if (!NOT_FOR_USERS.has(name)) res.writeHeader(name, value);
}

/** A short answer in text, to a request that has not been answered and not been aborted. */
export function answer(
  res: HttpResponse,
  status: number,
  body: string,
  headers: Iterable<readonly [string, string]> = [],
  closeConnection = false,
): void {
  const fields = [...headers];
  res.cork(() => {
    res.writeStatus(statusLine(status));
    writeHeaders(res, fields);
    if (!fields.some(([name]) => name.toLowerCase() === 'content-type')) {
      res.writeHeader('content-type', 'text/plain; charset=utf-8');
    }
    res.end(body, closeConnection);
  });
}
