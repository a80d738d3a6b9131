// The app module: every loop loads it once, on a thread of its own. What loops have in common is in loop.shared and in channels.
import { defineApp } from 'polyloop';

export default defineApp((loop) => {
  const visitors = loop.shared.counter('visitors'); // one counter, whichever loop asks

  loop.webSocket('/chat/:room', {
    // Headers to add to the 101 answer, or null to refuse with 403; may be async. Left out, every handshake is accepted.
    shouldUpgrade: (req) => (req.query.has('name') ? {} : null),
    onUpgrade(ws, req) {
      const name = req.query.get('name');
      const channel = `room:${req.params.room}`;
      ws.send(`you are visitor ${visitors.add()}`);
      ws.subscribe(channel);
      // To everyone in the room, on every loop.
      ws.onText((_, text) => void loop.publish(channel, `${name}: ${text}`));
    },
  });

  // Plain HTTP: any fetch-style handler, a Hono app for example.
  loop.fetch(() => Response.json({ visitors: visitors.get() }));
});
