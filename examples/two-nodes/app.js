/**
 * A chat room over two nodes, for NATS and for Redis; run.js starts all of it.
 *
 * Run: node dist/server.js --app examples/two-nodes/app.js --backplane redis://127.0.0.1:6379 --node-id a
 * Try: the same with --node-id b and --port 3001; open both addresses and write on one of the pages
 *
 * Structure: the room is a channel, as it would be on one node. What a backplane adds is in two places. `settled`: where the engine numbers
 * a channel (Redis), it may have to be asked where that stands, and the greeting waits for it. `onMissed`: messages of the other node were
 * lost; the page says so in its list, and goes on counting behind them. Pages come back with their position, on Redis to either node.
 */
import { readFileSync } from 'node:fs';
import { defineApp } from 'polyloop';

const CHANNEL = 'room:two nodes';
const MAX_MISSED = 1000;
const MAX_TEXT = 500;
const NODE = process.env.POLYLOOP_NODE_ID ?? 'without a name';
const page = readFileSync(new URL('./page.html', import.meta.url));

export default defineApp((loop) => {
  loop.webSocket('/chat', {
    async onUpgrade(ws, { query }) {
      ws.onText((ws, text) => {
        if (text.length > MAX_TEXT) {
          ws.close(1008, `at most ${MAX_TEXT} characters`);
          return;
        }
        const published = loop.publish(CHANNEL, JSON.stringify({ node: NODE, loop: loop.id, text }));
        if (!published.ok) ws.close(1013, published.reason);
      });
      ws.onMissed((ws, { count, epoch, sequence }) => {
        ws.send(JSON.stringify({ lost: { count }, epoch, sequence }));
      });

      const epoch = query.get('epoch');
      const after = epoch === null ? undefined : { epoch, sequence: Number(query.get('sequence')) };
      const joined = ws.subscribe(CHANNEL, { after, limit: MAX_MISSED });
      if (!joined.ok) {
        ws.close(1013, joined.reason);
        return;
      }
      const at = await (joined.settled ?? joined);
      const position = { epoch: at.epoch, sequence: at.sequence - at.missed };
      ws.send(JSON.stringify({ welcome: { node: NODE, complete: at.complete }, ...position }));
    },
  });

  loop.fetch(({ url }) => {
    if (new URL(url).pathname !== '/') return new Response('not found', { status: 404 });
    return new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8' } });
  });
});
