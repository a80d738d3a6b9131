/** How the admin server answers. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

const HEADERS = {
  'cache-control': 'no-store',
  'content-type': 'text/plain; charset=utf-8',
  'x-content-type-options': 'nosniff',
};

export function answerText(
  res: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: OutgoingHttpHeaders = {},
): void {
  const length = Buffer.byteLength(body);
  res.writeHead(status, { ...HEADERS, 'content-length': length, ...headers });
  // Node leaves the body out of the answer to HEAD.
  res.end(body);
}

export function answerJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  const type = { 'content-type': 'application/json; charset=utf-8' };
  answerText(res, status, `${JSON.stringify(body)}\n`, { ...type, ...headers });
}
