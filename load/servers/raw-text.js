// As raw-message.js, with the text decoded and encoded again by the means a user of uWebSockets.js has.
import { App, us_socket_local_port } from 'uWebSockets.js';

App()
  .ws('/*', {
    maxPayloadLength: 64 * 1024,
    maxBackpressure: 1024 * 1024,
    idleTimeout: 120,
    message: (ws, message) => {
      ws.send(Buffer.from(message).toString());
    },
  })
  .listen('127.0.0.1', 0, (token) => {
    console.log(JSON.stringify({ msg: 'listening', port: us_socket_local_port(token) }));
  });
