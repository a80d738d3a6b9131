/**
 * Opens WebSocket connections, a few at a time, and keeps them: `idle-client.ts PORT PATH COUNT tcp|tls`, started by `fork`.
 * Tells its parent when all are open. Raw sockets, because what the client costs is not of interest.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const AT_A_TIME = 50;
const [port = '', path = '/', count = '', transport = ''] = process.argv.slice(2);
const address = { host: '127.0.0.1', port: Number(port) };
const HANDSHAKE = [
  `GET ${path} HTTP/1.1`,
  `Host: localhost:${port}`,
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '\r\n',
].join('\r\n');

async function open(): Promise<void> {
  const isTls = transport === 'tls';
  const socket: Socket = isTls ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address);
  await once(socket, isTls ? 'secureConnect' : 'connect');
  socket.write(HANDSHAKE);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(answer.toString('latin1'));
  socket.on('data', () => {});
}

let left = Number(count);
const opening = async (): Promise<void> => {
  while (left-- > 0) await open();
};
await Promise.all(Array.from({ length: AT_A_TIME }, opening));
process.send?.('open');
