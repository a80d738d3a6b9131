/** The demo page, read once and kept in memory. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';

const FOLDER = new URL('./page/', import.meta.url);
const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
};

const FILES = new Map(
  readdirSync(FOLDER).map((file) => {
    const body = readFileSync(new URL(file, FOLDER));
    const type = `${TYPES[extname(file)]}; charset=utf-8`;
    return [file === 'index.html' ? '/' : `/${file}`, { body, type }] as const;
  }),
);

const HEADERS = {
  'cache-control': 'no-cache',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

export function answerPage(method: string, path: string): Response {
  const file = FILES.get(path);
  if (file === undefined) return new Response('not found', { status: 404 });
  if (method !== 'GET' && method !== 'HEAD') {
    return new Response('method not allowed', { status: 405, headers: { allow: 'GET, HEAD' } });
  }
  return new Response(file.body, { headers: { ...HEADERS, 'content-type': file.type } });
}
