// uWebSockets.js itself, one thread.
import { us_socket_local_port } from 'uWebSockets.js';
import { createApp } from './uws-app.js';

createApp(0).listen('127.0.0.1', 0, (token) => {
  console.log(JSON.stringify({ msg: 'listening', port: us_socket_local_port(token) }));
});
