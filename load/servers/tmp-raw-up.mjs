import { App, us_socket_local_port } from 'uWebSockets.js';

App()
  .ws('/*', {
    maxPayloadLength: 65536,
    maxBackpressure: 1048576,
    idleTimeout: 120,
    upgrade: (res, req, ctx) =>
      res.upgrade(
        {},
        req.getHeader('sec-websocket-key'),
        req.getHeader('sec-websocket-protocol'),
        req.getHeader('sec-websocket-extensions'),
        ctx,
      ),
    open() {},
    message: (ws, m, b) => {
      ws.send(m, b);
    },
    close() {},
  })
  .listen('127.0.0.1', 0, (t) =>
    console.log(JSON.stringify({ msg: 'listening', port: us_socket_local_port(t) })),
  );
