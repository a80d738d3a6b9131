// Socket.IO on several processes with its cluster adapter. Its own protocol over WebSocket, text messages; what a connection does is in
// the query of its handshake.
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { createAdapter, setupPrimary } from '@socket.io/cluster-adapter';
import { Server } from 'socket.io';
import { startCluster } from './in-cluster.js';

/** Longer than a run, so that the generator need not answer pings. */
const PING_INTERVAL_MS = 3_600_000;

if (cluster.isPrimary) {
  setupPrimary();
  await startCluster();
} else {
  const http = createServer();
  const io = new Server(http, {
    transports: ['websocket'],
    pingInterval: PING_INTERVAL_MS,
    adapter: createAdapter(),
    serveClient: false,
  });
  io.engine.on('headers', (headers) => {
    headers['x-loop'] = String(cluster.worker.id);
  });
  let closed = 0;
  io.on('connection', (socket) => {
    const { path } = socket.handshake.query;
    if (path.startsWith('/channel/')) {
      socket.join(path);
      socket.on('m', (message) => io.to(path).emit('m', message));
    } else {
      socket.on('m', (message) => socket.emit('m', message));
    }
    if (path === '/idle') socket.on('disconnect', () => closed++);
  });
  http.listen(0, '127.0.0.1');
}
