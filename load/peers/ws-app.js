// The paths of ../servers/polyloop.js on ws, with channels as they are written by hand: a set of sockets for each.
import { createServer } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';

const [JOIN, LEAVE] = Buffer.from('jl');
const NAME_BYTES = 3;

/** The HTTP server of process number `process`, and `publish`; `onPublish` is called with what each connection publishes. */
export function createApp(number, onPublish = () => {}) {
  const channels = new Map();
  const join = (channel, ws) => {
    const members = channels.get(channel);
    if (members === undefined) channels.set(channel, new Set([ws]));
    else members.add(ws);
  };
  const leave = (channel, ws) => {
    const members = channels.get(channel);
    members?.delete(ws);
    if (members?.size === 0) channels.delete(channel);
  };
  const publish = (channel, message, binary) => {
    for (const ws of channels.get(channel) ?? []) {
      if (ws.readyState === WebSocket.OPEN) ws.send(message, { binary });
    }
  };
  const publishEverywhere = (channel, message, binary) => {
    publish(channel, message, binary);
    onPublish(channel, message, binary);
  };

  const echo = (ws) => ws.on('message', (message, binary) => ws.send(message, { binary }));
  const echoText = (ws) => ws.on('message', (message) => ws.send(message.toString()));
  let closed = 0;
  const idle = (ws) => {
    echoText(ws);
    ws.on('close', () => closed++);
  };
  const chat = (ws) => {
    const joined = new Set();
    ws.on('message', (message, binary) => {
      const channel = message.latin1Slice(1, 1 + NAME_BYTES);
      if (message[0] === JOIN) {
        join(channel, ws);
        joined.add(channel);
      } else if (message[0] === LEAVE) {
        leave(channel, ws);
        joined.delete(channel);
      } else {
        publishEverywhere(channel, message, binary);
        return;
      }
      ws.send(message, { binary });
    });
    ws.on('close', () => {
      for (const channel of joined) leave(channel, ws);
    });
  };
  const subscribed = (channel) => (ws) => {
    join(channel, ws);
    ws.on('message', (message, binary) => publishEverywhere(channel, message, binary));
    ws.on('close', () => leave(channel, ws));
  };
  const paths = { '/echo': echo, '/text': echoText, '/upgrade': echoText, '/idle': idle, '/chat': chat };
  const CHANNEL = '/channel/';

  const http = createServer((_, res) => res.end('hello'));
  const server = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 });
  server.on('headers', (headers) => headers.push(`x-loop: ${number}`));
  http.on('upgrade', (req, socket, head) => {
    socket.on('error', () => {});
    if (req.url === '/refuse') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 13\r\n\r\n403 Forbidden');
      return;
    }
    const serve = paths[req.url] ?? subscribed(req.url.slice(CHANNEL.length));
    server.handleUpgrade(req, socket, head, (ws) => {
      ws.on('error', () => {});
      serve(ws);
    });
  });
  return { http, publish };
}
