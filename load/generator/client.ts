/** One raw socket that has shaken hands. What is read is given on as it comes; who reads must not keep it. */
import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { type Dialect, greetingReader } from './dialect.ts';
import { fail } from './load.ts';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** A few keys for all, with what must be answered: hashing is not what is measured. */
const KEYS = Array.from({ length: 16 }, () => {
  const key = randomBytes(16).toString('base64');
  return {
    key,
    accept: createHash('sha1')
      .update(key + GUID)
      .digest('base64'),
  };
});
const HEAD_END = Buffer.from('\r\n\r\n');

/** Shared by all sockets: what is read is looked at before the next read. */
const readBuffer = Buffer.alloc(256 * 1024);
let clients = 0;

export class Client {
  /** The server's loop, thread or process that serves it, by its own words. */
  loop: string | null = null;
  /** Set by who uses it. */
  onData: (chunk: Buffer) => void = () => {};
  onClose: () => void = () => fail('the server closed a connection');
  /** An error is a trouble unless this says so. */
  onError: (error: Error) => void = (error) => fail(String(error));
  readonly socket: Socket;
  readonly #accept: string;
  readonly #dialect: Dialect;
  #isOpen = false;
  #isGreeted: ((chunk: Buffer) => boolean) | null = null;
  #opened: () => void = () => {};

  private constructor(port: number, path: string, dialect: Dialect) {
    const { key, accept } = KEYS[clients++ % KEYS.length] ?? { key: '', accept: '' };
    this.#accept = accept;
    this.#dialect = dialect;
    const callback = (bytes: number, buffer: Uint8Array): boolean => {
      const chunk = Buffer.from(buffer.buffer, buffer.byteOffset, bytes);
      if (this.#isOpen) this.onData(chunk);
      else this.#shake(chunk);
      return true;
    };
    this.socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: readBuffer, callback },
    });
    this.socket.on('error', (error) => this.onError(error));
    this.socket.on('close', () => this.onClose());
    this.socket.write(
      `GET ${dialect.target(path)} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
  }

  /** `onData` is for what may come at once, with the handshake's answer. */
  static open(
    port: number,
    path: string,
    dialect: Dialect,
    onData?: (chunk: Buffer) => void,
  ): Promise<Client> {
    return new Promise((resolve) => {
      const client = new Client(port, path, dialect);
      if (onData) client.onData = onData;
      client.#opened = () => resolve(client);
    });
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Without a handshake, and so that no port is left waiting. */
  drop(): void {
    this.onClose = () => {};
    this.onError = () => {};
    this.socket.resetAndDestroy();
  }

  #shake(chunk: Buffer): void {
    if (this.#isGreeted !== null) {
      if (this.#isGreeted(chunk)) this.#open();
      return;
    }
    const end = chunk.indexOf(HEAD_END);
    const head = chunk.toString('latin1', 0, end);
    const isRight = end !== -1 && head.startsWith('HTTP/1.1 101') && head.includes(this.#accept);
    if (!isRight) fail(`handshake refused: ${chunk.toString('latin1')}`);
    this.loop = /^x-loop: (.*)$/im.exec(head)?.[1] ?? null;
    const rest = chunk.subarray(end + HEAD_END.length);
    const { greeting } = this.#dialect;
    if (greeting === null) {
      this.#open();
      if (rest.length > 0) this.onData(rest);
      return;
    }
    this.#isGreeted = greetingReader(greeting.answer);
    this.write(greeting.frame);
    if (rest.length > 0) this.#shake(rest);
  }

  #open(): void {
    this.#isOpen = true;
    this.#opened();
  }
}

/** Calls `open` for 0 to `count` - 1, so many at a time. */
export async function openAll<T>(
  count: number,
  atATime: number,
  open: (number: number) => Promise<T>,
): Promise<T[]> {
  const all: T[] = [];
  let next = 0;
  const opening = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      all[number] = await open(number);
    }
  };
  await Promise.all(Array.from({ length: atATime }, opening));
  return all;
}
