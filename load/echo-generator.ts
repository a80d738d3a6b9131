/**
 * Load for an echo server, in a process of its own: raw sockets, one prebuilt frame, each connection sends again when all it
 * has sent has come back. Checks every byte that comes back. Prints one line of JSON.
 *
 * Arguments: port, connections, payload bytes, messages in flight per connection, seconds.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

const [port = 0, connections = 0, payloadBytes = 0, inFlight = 1, seconds = 1] = process.argv
  .slice(2)
  .map(Number);

const TEXT = 0x81;
const MASKED = 0x80;

/** Frame header (RFC 6455 section 5.2) of a whole text message. */
function header(bytes: number, mask: number): Buffer {
  if (bytes < 126) return Buffer.from([TEXT, mask | bytes]);
  if (bytes < 65536) return Buffer.from([TEXT, mask | 126, bytes >> 8, bytes & 255]);
  const long = Buffer.alloc(10);
  long.writeUInt8(TEXT, 0);
  long.writeUInt8(mask | 127, 1);
  long.writeBigUInt64BE(BigInt(bytes), 2);
  return long;
}

const payload = Buffer.alloc(payloadBytes, 'polyloop ');
const key = randomBytes(4);
const masked = Buffer.from(payload.map((byte, index) => byte ^ (key[index & 3] ?? 0)));
const question = Buffer.concat([header(payloadBytes, MASKED), key, masked]);
const answer = Buffer.concat([header(payloadBytes, 0), payload]);
const burst = Buffer.concat(Array.from({ length: inFlight }, () => question));
const expected = Buffer.concat(Array.from({ length: inFlight }, () => answer));

let echoed = 0;
let isOver = false;

function fail(why: string): never {
  process.stderr.write(`generator: ${why}\n`);
  process.exit(1);
}

function open(): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const handshakeKey = randomBytes(16).toString('base64');
    socket.write(
      `GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${handshakeKey}\r\n\r\n`,
    );
    socket.once('data', (chunk) => {
      if (!chunk.toString('latin1').startsWith('HTTP/1.1 101'))
        fail(`handshake refused: ${chunk.toString('latin1')}`);
      resolve(socket);
    });
    socket.on('error', (error) => isOver || fail(String(error)));
    socket.on('close', () => isOver || fail('the server closed a connection'));
  });
}

function run(socket: Socket): void {
  let received = 0;
  socket.on('data', (chunk) => {
    // What comes back must be the expected burst, however it is cut.
    if (received + chunk.length > expected.length) fail('more came back than was sent');
    if (chunk.compare(expected, received, received + chunk.length) !== 0) fail('the echo differs');
    received += chunk.length;
    if (received < expected.length) return;
    received = 0;
    echoed += inFlight;
    if (!isOver) socket.write(burst);
  });
  socket.write(burst);
}

const sockets = await Promise.all(Array.from({ length: connections }, open));
process.send?.('open');
await new Promise((resolve) => process.once('message', resolve));
const startMs = performance.now();
const startCpu = process.cpuUsage();
for (const socket of sockets) run(socket);
setTimeout(() => {
  isOver = true;
  const elapsedMs = performance.now() - startMs;
  const cpu = process.cpuUsage(startCpu);
  process.send?.({ echoed, elapsedMs, cpuMs: (cpu.user + cpu.system) / 1000 }, () => process.exit(0));
}, seconds * 1000);
