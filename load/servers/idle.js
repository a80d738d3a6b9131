// Connections that wait: with a callback for text, and at /subscribed with one of a hundred channels too.
import { defineApp } from 'polyloop';

const CHANNELS = 100;

export default defineApp((loop) => {
  const open = (ws) => ws.onText((ws, text) => ws.send(text));
  let count = 0;
  loop.webSocket('/', { onUpgrade: open });
  loop.webSocket('/subscribed', {
    onUpgrade(ws) {
      open(ws);
      ws.subscribe(`channel ${count++ % CHANNELS}`);
    },
  });
});
