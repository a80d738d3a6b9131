/** A client that writes the bytes it is told to, on a plain TCP socket, and reads answers and frames. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Frame, type FrameShape, frame, readFrame } from './frames.ts';

/** The key of RFC 6455 section 1.3. */
export const SAMPLE_KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case, repetitions joined with a comma. */
  readonly headers: Headers;
  readonly body: string;
}

/** What to change in a valid handshake: a header's value, several values for several lines, or null to leave it out. */
export type HeaderChanges = Readonly<Record<string, string | readonly string[] | null>>;

const VALID_HEADERS: HeaderChanges = {
  Host: 'localhost',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': SAMPLE_KEY,
  'Sec-WebSocket-Version': '13',
};

/** The bytes of a handshake, one latin1 character each. */
export function handshake(path: string, changes: HeaderChanges = {}, method = 'GET'): string {
  const lines = Object.entries({ ...VALID_HEADERS, ...changes }).flatMap(([name, value]) =>
    value === null ? [] : [value].flat().map((line) => `${name}: ${line}`),
  );
  return `${[`${method} ${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`;
}

export class RawClient {
  readonly socket: Socket;
  /** The connection is over, by whoever. */
  readonly ended: Promise<unknown>;
  #bytes = Buffer.alloc(0);
  #isOver = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake?.();
    });
    // A reset is one way for a connection to end; `close` follows.
    socket.on('error', () => {});
    this.ended = new Promise((resolve) => socket.once('close', resolve));
    void this.ended.then(() => {
      this.#isOver = true;
      this.#wake?.();
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Connects and completes a handshake. Rejects when the answer is not 101. */
  static async open(port: number, path: string, changes: HeaderChanges = {}): Promise<RawClient> {
    const client = await RawClient.connect(port);
    client.write(handshake(path, changes));
    const { status } = await client.answer();
    if (status !== 101) throw new Error(`the handshake was answered ${status}`);
    return client;
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  send(opcode: number, payload: string | Uint8Array = '', shape: FrameShape = {}): void {
    this.write(frame(opcode, payload, shape));
  }

  /** The next HTTP answer, with its body where there is a Content-Length. */
  async answer(): Promise<HttpAnswer> {
    const head = await this.#take((bytes) => {
      const end = bytes.indexOf('\r\n\r\n');
      return end === -1 ? null : { value: bytes.toString('latin1', 0, end), end: end + 4 };
    });
    const [statusLine = '', ...lines] = head.split('\r\n');
    const headers = new Headers(
      lines.map((line): [string, string] => [
        line.slice(0, line.indexOf(':')),
        line.slice(line.indexOf(':') + 1),
      ]),
    );
    const length = Number(headers.get('content-length') ?? 0);
    const body = await this.#take((bytes) =>
      bytes.length < length ? null : { value: bytes.toString('utf8', 0, length), end: length },
    );
    return { status: Number(statusLine.split(' ')[1]), headers, body };
  }

  /** The next frame from the server. */
  frame(): Promise<Frame> {
    return this.#take((bytes) => {
      const read = readFrame(bytes);
      return read && { value: read.frame, end: read.end };
    });
  }

  /** The next bytes, whatever they are. */
  bytes(length: number): Promise<Buffer> {
    return this.#take((bytes) =>
      bytes.length < length ? null : { value: bytes.subarray(0, length), end: length },
    );
  }

  /** Leaves without a word: a reset, as when a process is killed. */
  leave(): void {
    this.socket.resetAndDestroy();
  }

  async #take<T>(read: (bytes: Buffer) => { value: T; end: number } | null): Promise<T> {
    for (;;) {
      const found = read(this.#bytes);
      if (found) {
        this.#bytes = this.#bytes.subarray(found.end);
        return found.value;
      }
      if (this.#isOver) throw new Error('the connection ended before the answer or frame was complete');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
