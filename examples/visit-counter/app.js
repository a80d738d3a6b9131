/**
 * Counts visits over all loops.
 *
 * Run: node dist/server.js --app examples/visit-counter/app.js
 * Try: curl http://localhost:3000 (again and again)
 *
 * Structure: `total` is one counter for all loops, `served` has a counter for each loop; both are asked for by name, so every
 * loop gets the same ones, and so does a loop that replaces another. `add` is one step that no other loop can divide: each
 * visitor gets a number of its own. The counters last as long as the server.
 */
import { defineApp } from 'polyloop';

export default defineApp((loop) => {
  const total = loop.shared.counter('visits');
  const served = loop.loops().map(({ id }) => loop.shared.counter(`visits of loop ${id}`));

  function visit() {
    served[loop.id].add();
    return total.add();
  }

  loop.fetch(({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === '/') return Response.json({ visitor: visit(), loop: loop.id });
    if (pathname === '/stats')
      return Response.json({ visits: total.get(), byLoop: served.map((each) => each.get()) });
    return new Response('not found', { status: 404 });
  });

  loop.webSocket('/', {
    onUpgrade: (ws) => void ws.send(JSON.stringify({ visitor: visit(), loop: loop.id })),
  });
});
