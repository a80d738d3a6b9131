// All that the load asks of a server, each on a path of its own. The other servers here and in ../peers have the same paths.
import { Hono } from 'hono';
import { defineApp, defineTasks } from 'polyloop';
import { burn } from './burn.js';
import { burnLong } from './tasks.js';

const DIGITS = 12;
/** First bytes of what a chat client sends: join, leave, or else a message; the channel's name follows. */
const [JOIN, LEAVE] = Buffer.from('jl');
const NAME_BYTES = 3;
const tasks = defineTasks(new URL('./tasks.js', import.meta.url));

export default defineApp((loop) => {
  // One function serves all connections, as in uws-app.js.
  const sendBack = (ws, message, isBinary) => ws.send(message, { binary: isBinary });
  const sendTextBack = (ws, text) => ws.send(text);
  const echo = (ws) => ws.onMessage(sendBack);
  const echoText = (ws) => ws.onText(sendTextBack);

  loop.webSocket('/echo', { onUpgrade: echo });
  loop.webSocket('/text', { onUpgrade: echoText });
  loop.webSocket('/upgrade', { shouldUpgrade: () => ({}), onUpgrade: echoText });
  loop.webSocket('/refuse', { shouldUpgrade: () => null, onUpgrade: echo });

  let closed = 0;
  const count = () => closed++;
  loop.webSocket('/idle', {
    onUpgrade(ws) {
      echoText(ws);
      ws.onClose.then(count);
    },
  });

  loop.webSocket('/burn', {
    onUpgrade(ws) {
      ws.onMessage((ws, message, isBinary) => {
        burn();
        ws.send(message, { binary: isBinary });
      });
    },
  });

  // Channels of its own, to which a connection publishes in turn: what it hears is what it has said.
  loop.webSocket('/many/:count', {
    onUpgrade(ws, { params }) {
      const channels = Array.from({ length: Number(params.count) }, (_, number) => `${ws.id}:${number}`);
      for (const channel of channels) ws.subscribe(channel);
      let next = 0;
      ws.onMessage((_, message, isBinary) => {
        loop.publish(channels[next++ % channels.length], message, { binary: isBinary });
      });
    },
  });

  // Who was away gets all that it missed, or the oldest message of that.
  loop.webSocket('/history/:channel/:missed/:wants', {
    onUpgrade(ws, { params }) {
      const { epoch, sequence } = loop.history(params.channel, { limit: 0 });
      const after = { epoch, sequence: sequence - Number(params.missed) };
      if (params.wants === 'all') ws.subscribe(params.channel, { after });
      else ws.send(loop.history(params.channel, { after, limit: 1 }).messages[0].data);
    },
  });

  loop.webSocket('/channel/:channel', {
    shouldUpgrade: () => ({ 'x-loop': String(loop.id) }),
    onUpgrade(ws, req) {
      const { channel } = req.params;
      ws.subscribe(channel);
      ws.onMessage((_, message, isBinary) => {
        loop.publish(channel, message, { binary: isBinary });
      });
    },
  });

  // What is published here, those get that have subscribed, at this node or at another.
  loop.webSocket('/publish/:channel', {
    onUpgrade(ws, { params }) {
      ws.onMessage((_, message, isBinary) => {
        loop.publish(params.channel, message, { binary: isBinary });
      });
    },
  });

  loop.webSocket('/chat', {
    onUpgrade(ws) {
      ws.onMessage((ws, message, isBinary) => {
        const bytes = Buffer.from(message);
        const channel = bytes.latin1Slice(1, 1 + NAME_BYTES);
        if (bytes[0] === JOIN) ws.subscribe(channel);
        else if (bytes[0] === LEAVE) ws.unsubscribe(channel);
        else {
          loop.publish(channel, message, { binary: isBinary });
          return;
        }
        ws.send(message, { binary: isBinary });
      });
    },
  });

  const total = loop.shared.counter('total');
  const scores = loop.shared.map('scores');
  const limiter = loop.shared.rateLimiter('limiter', { limit: 1_000_000_000, windowMs: 1000 });
  loop.webSocket('/state', {
    onUpgrade(ws) {
      ws.onText((ws, key) => {
        scores.update(key, (score = 0) => score + 1);
        const { allowed } = limiter.take(key);
        ws.send(allowed ? String(total.add()).padStart(DIGITS, '0') : 'refused');
      });
    },
  });

  loop.webSocket('/work/:where', {
    onUpgrade(ws, { params }) {
      ws.onText(async (ws, text) => {
        if (params.where === 'offload') await loop.offload(tasks.burnLong);
        else burnLong();
        ws.send(text);
      });
    },
  });

  const app = new Hono().get('/app/:name', (context) => context.json({ hello: context.req.param('name') }));
  loop.fetch((request) => {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith('/app/')) return app.fetch(request);
    return pathname === '/lag'
      ? Response.json(loop.loops().map(({ lagMs }) => lagMs))
      : new Response('hello');
  });
});
