/**
 * Chat rooms: what was said lately on joining, and nothing lost on coming back.
 *
 * Run: node dist/server.js --app examples/chat-room/app.js
 * Try: npx wscat --connect ws://localhost:3000/rooms/lobby (in two terminals)
 *
 * Structure: a room is a channel. A newcomer gets the last messages from `history` and subscribes from there; between the two,
 * other loops may publish, and `after` closes that gap. The greeting, which is sent first, says where the stream of messages
 * begins: a client adds 1 to `sequence` for each message behind it, and so knows where it is. When it was away, it comes back
 * to `/rooms/lobby?epoch=…&sequence=…` and gets what it missed. `complete: false` says that the log no longer holds all of that.
 */
import { defineApp } from 'polyloop';

const RECENT = 20;
const MAX_MISSED = 1000;
const MAX_TEXT = 500;

export default defineApp((loop) => {
  loop.webSocket('/rooms/:room', {
    async onUpgrade(ws, { params, query }) {
      const channel = `room:${params.room}`;

      const recent = loop.history(channel, { limit: RECENT });
      const epoch = query.get('epoch');
      const after = epoch === null ? recent : { epoch, sequence: Number(query.get('sequence')) };
      const joined = ws.subscribe(channel, { after, limit: MAX_MISSED });
      if (!joined.ok) {
        ws.close(1008, joined.reason);
        return;
      }
      // Only with a backplane on Redis it may take a moment until that is known.
      const standing = joined.settled ? await joined.settled : joined;
      const greeting = {
        epoch: standing.epoch,
        sequence: standing.sequence - standing.missed,
        complete: standing.complete,
        recent: after === recent ? recent.messages.map(({ data }) => JSON.parse(data)) : [],
        here: loop.subscriberCount(channel),
      };
      ws.send(JSON.stringify(greeting));

      ws.onText((ws, text) => {
        if (text.length > MAX_TEXT) {
          ws.close(1008, `at most ${MAX_TEXT} characters`);
          return;
        }
        // `loop.publish` reaches its author as well, which therefore counts as everyone else does.
        const published = loop.publish(channel, JSON.stringify({ loop: loop.id, text }));
        if (!published.ok) ws.close(1013, published.reason);
      });
    },
  });
});
