/**
 * A Hono app beside WebSocket connections, on every loop.
 *
 * Run: node dist/server.js --app examples/hono/app.js
 * Try: curl http://localhost:3000/hello/you
 *
 * Structure: `web` is an ordinary Hono app: routes, middleware, streams and error handling work as they do elsewhere,
 * because `loop.fetch` takes any handler from `Request` to `Response`. `/chat` is a WebSocket path beside it; upgrades do
 * not pass through Hono. The module is evaluated once on every loop, so `web` is one per loop and requests of different
 * loops share no variables.
 */
import { Hono } from 'hono';
import { stream } from 'hono/streaming';
import { defineApp } from 'polyloop';

export default defineApp((loop) => {
  const web = new Hono();

  web.use(async (c, next) => {
    await next();
    c.header('x-loop', String(loop.id));
  });

  web.get('/', (c) => c.html('<h1>Hono on Polyloop</h1>'));
  web.get('/hello/:name', (c) => c.json({ hello: c.req.param('name'), loop: loop.id }));
  web.post('/upper', async (c) => c.text((await c.req.text()).toUpperCase()));
  web.get('/count/:to', (c) =>
    stream(c, async (out) => {
      for (let i = 1; i <= Number(c.req.param('to')); i++) await out.writeln(String(i));
    }),
  );
  web.notFound((c) => c.json({ error: 'not found' }, 404));
  web.onError((error, c) => c.json({ error: error.message }, 500));

  loop.fetch(web.fetch);

  loop.webSocket('/chat', {
    onUpgrade(ws) {
      ws.send(`Connected to loop ${loop.id}`);
      ws.onText((ws, text) => void ws.send(text));
    },
  });
});
