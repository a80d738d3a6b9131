/** The app that runs when no other is given: a page to try the server, and a few endpoints for tests and load. */
import { readFileSync } from 'node:fs';
import { defineApp, type LoopContext } from '../app.ts';
import type { WebSocket } from '../websocket.ts';
import { reverseText } from './graphemes.ts';

/** How often the page hears of all loops. */
const STATUS_MS = 500;

const PAGE = new Map(
  [
    ['/', 'index.html', 'text/html'],
    ['/style.css', 'style.css', 'text/css'],
    ['/page.js', 'page.js', 'text/javascript'],
    ['/icon.svg', 'icon.svg', 'image/svg+xml'],
  ].map(([path = '', file = '', type]) => {
    const body = readFileSync(new URL(`./page/${file}`, import.meta.url));
    return [path, { body, type: `${type}; charset=utf-8` }] as const;
  }),
);

const PAGE_HEADERS = {
  'cache-control': 'no-cache',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const WEBSOCKET_PATHS = new Set(['/echo', '/reverse', '/deny', '/live']);

export default defineApp((loop) => {
  loop.webSocket('/echo', {
    onUpgrade: (ws) => ws.onMessage((ws, message, isBinary) => void ws.send(message, { binary: isBinary })),
  });

  loop.webSocket('/reverse', {
    onUpgrade(ws) {
      ws.send('Connected');
      ws.onText((ws, text) => void ws.send(reverseText(text)));
    },
  });

  loop.webSocket('/deny', { shouldUpgrade: () => null, onUpgrade: () => {} });

  const watchers = new Set<WebSocket>();
  loop.webSocket('/live', {
    onUpgrade(ws) {
      watchers.add(ws);
      ws.onClose.then(() => watchers.delete(ws));
      ws.onText((ws, text) => void ws.send(JSON.stringify({ echo: text })));
      ws.send(status(loop));
    },
  });
  const timer = setInterval(() => {
    if (watchers.size === 0) return;
    const text = status(loop);
    for (const ws of watchers) ws.send(text);
  }, STATUS_MS);
  loop.onShutdown(() => clearInterval(timer));

  loop.fetch((request) => {
    const { pathname } = new URL(request.url);
    if (WEBSOCKET_PATHS.has(pathname)) {
      return new Response('this is a WebSocket endpoint', {
        status: 426,
        headers: { 'sec-websocket-version': '13' },
      });
    }
    const file = PAGE.get(pathname);
    if (file === undefined) return new Response('not found', { status: 404 });
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return new Response('method not allowed', { status: 405, headers: { allow: 'GET, HEAD' } });
    }
    return new Response(file.body, { headers: { ...PAGE_HEADERS, 'content-type': file.type } });
  });
});

/** What the page shows: who serves it, and how every loop is doing. */
function status(loop: LoopContext): string {
  const loops = loop.loops().map(({ id, state, generation, connections, counters }) => {
    return { id, state, generation, connections, messages: counters.messagesIn };
  });
  return JSON.stringify({ servedBy: loop.id, loops });
}
