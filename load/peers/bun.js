// The paths of ../servers/polyloop.js on Bun's own server, one thread.
import { serve } from 'bun';

const [JOIN, LEAVE] = Buffer.from('jl');
const NAME_BYTES = 3;
const CHANNEL = '/channel/';

const echo = (ws, message) => ws.send(message);
function chat(ws, message) {
  const channel = message.latin1Slice(1, 1 + NAME_BYTES);
  if (message[0] === JOIN) ws.subscribe(channel);
  else if (message[0] === LEAVE) ws.unsubscribe(channel);
  else {
    server.publish(channel, message);
    return;
  }
  ws.send(message);
}
const publish = (ws, message) => server.publish(ws.data.channel, message);

let closed = 0;
const server = serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (!request.headers.has('upgrade')) return new Response('hello');
    if (pathname === '/refuse') return new Response('403 Forbidden', { status: 403 });
    const channel = pathname.startsWith(CHANNEL) ? pathname.slice(CHANNEL.length) : null;
    const onMessage = channel !== null ? publish : pathname === '/chat' ? chat : echo;
    server.upgrade(request, { headers: { 'x-loop': '0' }, data: { channel, onMessage } });
  },
  websocket: {
    maxPayloadLength: 64 * 1024,
    backpressureLimit: 1024 * 1024,
    idleTimeout: 120,
    perMessageDeflate: false,
    open(ws) {
      if (ws.data.channel !== null) ws.subscribe(ws.data.channel);
    },
    message: (ws, message) => ws.data.onMessage(ws, message),
    close: () => closed++,
  },
});
console.log(JSON.stringify({ msg: 'listening', port: server.port }));
