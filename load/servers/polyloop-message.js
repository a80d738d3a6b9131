// Echo through onMessage: no copy, no decoding.
import { defineApp } from 'polyloop';

export default defineApp((loop) => {
  loop.webSocket('/*', {
    onUpgrade(ws) {
      ws.onMessage((ws, message, isBinary) => {
        ws.send(message, { binary: isBinary });
      });
    },
  });
});
