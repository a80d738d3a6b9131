import { STATUS_CODES } from 'node:http';
import type { HttpResponse } from '../uws.ts';
import { toWire } from './field-value.ts';
import { answerInTurn } from './last-request.ts';

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

/** Headers that user code gave, less those that are not its to set. */
export const userHeaders = (headers: Headers): [string, string][] =>
  [...headers].filter(([name]) => !NOT_FOR_USERS.has(name));

/** A short answer in text (header names in lower case), to a request that has not been answered and not been aborted. */
export function answer(
  res: HttpResponse,
  status: number,
  body: string,
  headers: readonly (readonly [string, string])[] = [],
  closeConnection = false,
): void {
  const write = (): void => {
    res.writeStatus(statusLine(status));
    for (const [name, value] of headers) res.writeHeader(name, toWire(value));
    if (!headers.some(([name]) => name === 'content-type')) {
      res.writeHeader('content-type', 'text/plain; charset=utf-8');
    }
    res.end(body, closeConnection);
  };
  answerInTurn(res, () => res.cork(write));
}
