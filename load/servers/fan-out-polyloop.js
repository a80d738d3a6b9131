// Publishes every message to the channel that the connection's path names. Tells its loop in the 101 answer.
import { defineApp } from 'polyloop';

export default defineApp((loop) => {
  loop.webSocket('/:channel', {
    shouldUpgrade: () => ({ 'x-loop': String(loop.id) }),
    onUpgrade(ws, req) {
      const { channel } = req.params;
      ws.subscribe(channel);
      ws.onMessage((_, message, isBinary) => {
        loop.publish(channel, message, { binary: isBinary });
      });
    },
  });
});
