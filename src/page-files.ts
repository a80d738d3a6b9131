/** The files of a page that this package serves itself, read once and kept in memory. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain',
};

/** Everything is the server's own, and nobody frames it. */
const HEADERS = {
  'cache-control': 'no-cache',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

export interface PageFile {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** By path: `index.html` is `/`, every other file is `/` and its name. The folder has no folders. */
export function readPage(folder: URL): ReadonlyMap<string, PageFile> {
  return new Map(
    readdirSync(folder).map((file) => {
      const body = readFileSync(new URL(file, folder));
      const headers = { ...HEADERS, 'content-type': `${TYPES[extname(file)]}; charset=utf-8` };
      return [file === 'index.html' ? '/' : `/${file}`, { body, headers }];
    }),
  );
}
