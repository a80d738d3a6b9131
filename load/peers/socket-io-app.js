// The paths of ../servers/polyloop.js on Socket.IO. Its own protocol over WebSocket, text messages; what a connection does is in the query
// of its handshake.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

/** Longer than a run, so that the generator need not answer pings. */
const PING_INTERVAL_MS = 3_600_000;
const PUBLISH = '/publish/';

/** The HTTP server of process number `number`, which reaches the other processes by `adapter`. */
export function createApp(number, adapter) {
  const http = createServer();
  const io = new Server(http, {
    transports: ['websocket'],
    pingInterval: PING_INTERVAL_MS,
    adapter,
    serveClient: false,
  });
  io.engine.on('headers', (headers) => {
    headers['x-loop'] = String(number);
  });
  let closed = 0;
  io.on('connection', (socket) => {
    const { path } = socket.handshake.query;
    if (path.startsWith('/channel/')) {
      socket.join(path);
      socket.on('m', (message) => io.to(path).emit('m', message));
    } else if (path.startsWith(PUBLISH)) {
      const channel = `/channel/${path.slice(PUBLISH.length)}`;
      socket.on('m', (message) => io.to(channel).emit('m', message));
    } else {
      socket.on('m', (message) => socket.emit('m', message));
    }
    if (path === '/idle') socket.on('disconnect', () => closed++);
  });
  return http;
}
