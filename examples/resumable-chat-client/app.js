/**
 * Rooms for clients that come back: the server of client.ts.
 *
 * Run: node dist/server.js --app examples/resumable-chat-client/app.js
 * Try: npx tsx examples/resumable-chat-client/client.ts ws://localhost:3000/rooms/lobby ada
 *
 * Structure: a client first says where it stopped (`join`), and is told from where it gets messages; then come those that it
 * missed, and those that are said. A message carries its author and a number of the author's, which the server does not look at:
 * clients know by them what they have seen. What cannot be published closes the connection, so that its client says it again.
 */
import { defineApp } from 'polyloop';

const MAX_MISSED = 1000;

export default defineApp((loop) => {
  loop.webSocket('/rooms/:room', {
    onUpgrade(ws, { params }) {
      const channel = `room:${params.room}`;

      const REQUESTS = {
        async join({ after }) {
          const joined = ws.subscribe(channel, after === null ? {} : { after, limit: MAX_MISSED });
          if (!joined.ok) {
            ws.close(1008, joined.reason);
            return;
          }
          // Only with a backplane on Redis it may take a moment until it is known where the channel stands.
          const standing = joined.settled ? await joined.settled : joined;
          ws.send(JSON.stringify({ joined: { ok: true, ...standing } }));
        },

        say({ said }) {
          const published = loop.publish(channel, JSON.stringify({ said }));
          if (!published.ok) ws.close(1013, published.reason);
        },
      };

      ws.onText((_, text) => {
        const request = JSON.parse(text);
        REQUESTS[request.do]?.(request);
      });
    },
  });
});
