// The paths of polyloop.js on uWebSockets.js itself, with the limits that polyloop sets.
import { App } from 'uWebSockets.js';
import { burn } from './burn.js';

const LIMITS = { maxPayloadLength: 64 * 1024, maxBackpressure: 1024 * 1024, idleTimeout: 120 };
const [JOIN, LEAVE] = Buffer.from('jl');
const NAME_BYTES = 3;

/** The app of thread number `thread`; `onPublish` is called with what each connection publishes. */
export function createApp(thread, onPublish = () => {}) {
  const app = App();
  const upgradeWith = (dataOf) => (res, req, context) => {
    const key = req.getHeader('sec-websocket-key');
    const protocol = req.getHeader('sec-websocket-protocol');
    const extensions = req.getHeader('sec-websocket-extensions');
    res.writeStatus('101 Switching Protocols').writeHeader('x-loop', String(thread));
    res.upgrade(dataOf(req), key, protocol, extensions, context);
  };
  const publish = (channel, message, isBinary) => {
    app.publish(channel, message, isBinary);
    onPublish(channel, message, isBinary);
  };
  const echo = (ws, message, isBinary) => {
    ws.send(message, isBinary);
  };
  // By the means that a user of uWebSockets.js has.
  const echoText = (ws, message) => {
    ws.send(Buffer.from(message).toString());
  };
  let closed = 0;

  app.ws('/echo', { ...LIMITS, message: echo });
  app.ws('/text', { ...LIMITS, message: echoText });
  app.ws('/upgrade', { ...LIMITS, upgrade: upgradeWith(() => ({})), open: () => {}, message: echoText });
  app.ws('/refuse', {
    ...LIMITS,
    upgrade: (res) => {
      res.writeStatus('403 Forbidden').end('403 Forbidden');
    },
  });
  app.ws('/idle', { ...LIMITS, upgrade: upgradeWith(() => ({})), message: echoText, close: () => closed++ });
  app.ws('/burn', {
    ...LIMITS,
    message: (ws, message, isBinary) => {
      burn();
      ws.send(message, isBinary);
    },
  });
  let ids = 0;
  app.ws('/many/:count', {
    ...LIMITS,
    upgrade: upgradeWith((req) => {
      const id = `${thread}-${ids++}`;
      const channels = Array.from({ length: Number(req.getParameter(0)) }, (_, number) => `${id}:${number}`);
      return { channels, next: 0 };
    }),
    open: (ws) => {
      for (const channel of ws.channels) ws.subscribe(channel);
    },
    message: (ws, message, isBinary) => {
      publish(ws.channels[ws.next++ % ws.channels.length], message, isBinary);
    },
  });
  app.ws('/channel/:channel', {
    ...LIMITS,
    upgrade: upgradeWith((req) => ({ channel: req.getParameter(0) })),
    open: (ws) => {
      ws.subscribe(ws.channel);
    },
    message: (ws, message, isBinary) => publish(ws.channel, message, isBinary),
  });
  app.ws('/chat', {
    ...LIMITS,
    message: (ws, message, isBinary) => {
      const bytes = Buffer.from(message);
      const channel = bytes.latin1Slice(1, 1 + NAME_BYTES);
      if (bytes[0] === JOIN) ws.subscribe(channel);
      else if (bytes[0] === LEAVE) ws.unsubscribe(channel);
      else {
        publish(channel, message, isBinary);
        return;
      }
      ws.send(message, isBinary);
    },
  });
  app.get('/*', (res) => {
    res.end('hello');
  });
  return app;
}
