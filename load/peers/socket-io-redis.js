// Socket.IO on one of several nodes, with its Redis adapter. The argument is the URL of Redis.
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { createApp } from './socket-io-app.js';

const publisher = createClient({ url: process.argv[2] });
const subscriber = publisher.duplicate();
for (const client of [publisher, subscriber]) client.on('error', console.error);
await Promise.all([publisher.connect(), subscriber.connect()]);

const http = createApp(0, createAdapter(publisher, subscriber));
http.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ msg: 'listening', port: http.address().port }));
});
