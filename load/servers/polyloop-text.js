// Echo through onText and send(string): decoded and encoded again.
import { defineApp } from 'polyloop';

export default defineApp((loop) => {
  loop.webSocket('/*', {
    onUpgrade(ws) {
      ws.onText((ws, text) => {
        ws.send(text);
      });
    },
  });
});
