/**
 * One client of the fan-out load: a raw socket, prebuilt frames, frames counted as they come, however they are cut. Every frame has
 * the same length, so counting costs the generator little beside reading.
 *
 * ```
 * payload        ├ u32 publisher ├ f64 time of publishing, ms ┤ …          little-endian
 * ```
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** First byte of a whole binary message (RFC 6455 section 5.2). */
const BINARY = 0x82;
const MASKED = 0x80;
const HEADER_BYTES = 2;
const KEY_BYTES = 4;
const TIME_OFFSET = 4;
/** Room for publisher and time, up to what the short form of the length says. */
const MIN_PAYLOAD_BYTES = 12;
const MAX_PAYLOAD_BYTES = 125;

const NOTHING: Buffer = Buffer.alloc(0);
/** Shared by all sockets: what is read is looked at before the next read. */
const readBuffer = Buffer.alloc(256 * 1024);

export interface Watcher {
  /** So many messages that the connection had published itself have come back. */
  ownReturned?(connection: Connection, count: number): void;
  /** A message was delivered; `publishedMs` is what its publisher wrote. */
  delivered?(publishedMs: number): void;
}

export function fail(why: string): never {
  process.stderr.write(`generator: ${why}\n`);
  process.exit(1);
}

export class Connection {
  /** Messages that came. */
  deliveries = 0;
  /** Messages that were sent. */
  published = 0;
  /** The server's loop or thread that serves it. */
  loop = '';
  readonly #number: number;
  readonly #payloadBytes: number;
  readonly #watcher: Watcher;
  readonly #frames: Buffer;
  readonly #frameBytes: number;
  #socket: Socket | undefined;
  #isOpen = false;
  /** The beginning of a frame whose end has not come yet. */
  #rest = NOTHING;

  /** Can send up to `burst` messages at once. */
  constructor(number: number, payloadBytes: number, burst: number, watcher: Watcher) {
    if (payloadBytes < MIN_PAYLOAD_BYTES || payloadBytes > MAX_PAYLOAD_BYTES) {
      fail(`messages of ${payloadBytes} bytes: not from ${MIN_PAYLOAD_BYTES} to ${MAX_PAYLOAD_BYTES}`);
    }
    this.#number = number;
    this.#payloadBytes = payloadBytes;
    this.#watcher = watcher;
    // A mask of zeros, so that the time can be written into the frame as it is.
    const head = Buffer.from([BINARY, MASKED | payloadBytes, 0, 0, 0, 0]);
    const payload = Buffer.alloc(payloadBytes, '.');
    payload.writeUInt32LE(number, 0);
    payload.writeDoubleLE(0, TIME_OFFSET);
    const frame = Buffer.concat([head, payload]);
    this.#frameBytes = frame.length;
    this.#frames = Buffer.concat(Array.from({ length: burst }, () => frame));
  }

  open(port: number, path: string): Promise<void> {
    const key = randomBytes(16).toString('base64');
    return new Promise((resolve) => {
      const socket = connect({
        port,
        host: '127.0.0.1',
        noDelay: true,
        onread: {
          buffer: readBuffer,
          callback: (bytes, buffer) => {
            const chunk = Buffer.from(buffer.buffer, buffer.byteOffset, bytes);
            if (this.#isOpen) this.#read(chunk);
            else {
              this.#readHandshake(chunk);
              resolve();
            }
            return true;
          },
        },
      });
      socket.on('error', (error) => fail(String(error)));
      socket.on('close', () => fail('the server closed a connection'));
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
      );
      this.#socket = socket;
    });
  }

  /** Sends so many messages at once. */
  publish(count: number): void {
    this.published += count;
    this.#socket?.write(this.#frames.subarray(0, count * this.#frameBytes));
  }

  /** Sends one message that carries the time. */
  publishAt(nowMs: number): void {
    const frame = Buffer.from(this.#frames.subarray(0, this.#frameBytes));
    frame.writeDoubleLE(nowMs, HEADER_BYTES + KEY_BYTES + TIME_OFFSET);
    this.published++;
    this.#socket?.write(frame);
  }

  #readHandshake(chunk: Buffer): void {
    const answer = chunk.toString('latin1');
    const loop = /^x-loop: (.*)\r$/im.exec(answer)?.[1];
    if (!answer.startsWith('HTTP/1.1 101') || !answer.endsWith('\r\n\r\n') || loop === undefined) {
      fail(`handshake refused: ${answer}`);
    }
    this.loop = loop;
    this.#isOpen = true;
  }

  #read(read: Buffer): void {
    const chunk = this.#rest.length === 0 ? read : Buffer.concat([this.#rest, read]);
    const frameBytes = HEADER_BYTES + this.#payloadBytes;
    const { delivered, ownReturned } = this.#watcher;
    let own = 0;
    let at = 0;
    for (; at + frameBytes <= chunk.length; at += frameBytes) {
      if (chunk[at] !== BINARY || chunk[at + 1] !== this.#payloadBytes) fail('a frame is not as it was sent');
      const payload = at + HEADER_BYTES;
      if (chunk.readUInt32LE(payload) === this.#number) own++;
      delivered?.(chunk.readDoubleLE(payload + TIME_OFFSET));
    }
    this.deliveries += at / frameBytes;
    this.#rest = at === chunk.length ? NOTHING : Buffer.from(chunk.subarray(at));
    if (own > 0) ownReturned?.(this, own);
  }
}
