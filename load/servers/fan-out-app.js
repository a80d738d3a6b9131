// What the two servers without polyloop have in common: a uWebSockets.js app that publishes to the channel in the path.
import { App } from 'uWebSockets.js';

/** The app of thread number `thread`; `onPublish` is called with what each connection publishes. */
export function createFanOutApp(thread, onPublish = () => {}) {
  const app = App();
  return app.ws('/:channel', {
    maxPayloadLength: 64 * 1024,
    maxBackpressure: 1024 * 1024,
    idleTimeout: 120,
    upgrade: (res, req, context) => {
      const key = req.getHeader('sec-websocket-key');
      const protocol = req.getHeader('sec-websocket-protocol');
      const extensions = req.getHeader('sec-websocket-extensions');
      res.writeStatus('101 Switching Protocols').writeHeader('x-loop', String(thread));
      res.upgrade({ channel: req.getParameter(0) }, key, protocol, extensions, context);
    },
    open: (ws) => {
      ws.subscribe(ws.channel);
    },
    message: (ws, message, isBinary) => {
      app.publish(ws.channel, message, isBinary);
      onPublish(ws.channel, message, isBinary);
    },
  });
}
