/** The demo page. */
import { readPage } from '../page-files.ts';

const FILES = readPage(new URL('./page/', import.meta.url));

export function answerPage(method: string, path: string): Response {
  const file = FILES.get(path);
  if (file === undefined) return new Response('not found', { status: 404 });
  if (method !== 'GET' && method !== 'HEAD') {
    return new Response('method not allowed', { status: 405, headers: { allow: 'GET, HEAD' } });
  }
  return new Response(file.body, { headers: file.headers });
}
