// The same echo on uWebSockets.js itself, one thread, with the limits that polyloop sets.
import { App, us_socket_local_port } from 'uWebSockets.js';

App()
  .ws('/*', {
    maxPayloadLength: 64 * 1024,
    maxBackpressure: 1024 * 1024,
    idleTimeout: 120,
    message: (ws, message, isBinary) => {
      ws.send(message, isBinary);
    },
  })
  .listen('127.0.0.1', 0, (token) => {
    console.log(JSON.stringify({ msg: 'listening', port: us_socket_local_port(token) }));
  });
