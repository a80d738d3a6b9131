/** The app that runs when no other is given: a page to try the server, and a few endpoints for tests and load. */
import { defineApp } from '../app.ts';
import { chatRooms } from './chat.ts';
import { reverseText } from './graphemes.ts';
import { answerPage } from './page-files.ts';
import { loopStatus } from './status.ts';

const WEBSOCKET_PATH = /^\/(echo|reverse|deny|chat\/[^/]+|live\/[^/]+)$/;

export default defineApp((loop) => {
  const rooms = chatRooms(loop);
  const watch = loopStatus(loop);

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

  loop.webSocket('/chat/:room', rooms);

  // The page's own: it is in a room, and shows how all loops are doing.
  loop.webSocket('/live/:room', {
    ...rooms,
    onUpgrade(ws, req) {
      rooms.onUpgrade(ws, req);
      watch(ws);
    },
  });

  loop.fetch(({ method, url }) => {
    const { pathname } = new URL(url);
    if (!WEBSOCKET_PATH.test(pathname)) return answerPage(method, pathname);
    return new Response('this is a WebSocket endpoint', {
      status: 426,
      headers: { 'sec-websocket-version': '13' },
    });
  });
});
