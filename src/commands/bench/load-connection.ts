/** One connection of the load: numbers its messages, and holds each answer to what was sent. */
import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import { shownValue } from '../../config.ts';

const HANDSHAKE_MS = 10_000;
/** How long the first message may take to come back before the endpoint counts as one that does not echo. */
const PROBE_MS = 1000;
const CLOSE_MS = 1000;
const PADDING = '-';
const CLIENT: ClientOptions = {
  perMessageDeflate: false,
  handshakeTimeout: HANDSHAKE_MS,
  // Answers are compared byte by byte.
  skipUTF8Validation: true,
  maxPayload: 64 * 1024 * 1024,
};

export interface Manner {
  /** Bytes of a message. */
  readonly size: number;
  /** The messages come back. If not, a ping behind each message is what is answered. */
  readonly isEcho: boolean;
  /** Messages that the endpoint sends before the first answer. */
  readonly greetings: number;
}

/** Who hears of answers. */
export interface Listener {
  answer(connection: LoadConnection, dueMs: number, trouble: string | null): void;
  unexpected(trouble: string): void;
  lost(why: string): void;
}

interface Expected {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

export class LoadConnection {
  /** Rejects when the handshake fails. */
  readonly opened: Promise<unknown>;
  readonly #socket: WebSocket;
  readonly #number: number;
  readonly #manner: Manner;
  readonly #listener: Listener;
  /** What has still to be answered, oldest first. */
  readonly #expected: Expected[] = [];
  #sequence = 0;
  #greetings: number;
  #isClosing = false;

  constructor(url: string, number: number, manner: Manner, listener: Listener) {
    this.#number = number;
    this.#manner = manner;
    this.#listener = listener;
    this.#greetings = manner.greetings;
    this.#socket = new WebSocket(url, CLIENT);
    this.opened = once(this.#socket, 'open').then(() => this.#listen());
    this.#socket.on('error', () => {});
    if (manner.isEcho)
      this.#socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    else this.#socket.on('pong', (data) => this.#receive(data, false));
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Messages that are not answered yet. */
  get waiting(): number {
    return this.#expected.length;
  }

  send(dueMs: number): void {
    const message = numbered(this.#number, ++this.#sequence, this.#manner.size);
    this.#socket.send(message, { binary: false });
    if (this.#manner.isEcho) {
      this.#expected.push({ bytes: message, dueMs });
      return;
    }
    const ping = numbered(this.#number, this.#sequence, 0);
    this.#socket.ping(ping);
    this.#expected.push({ bytes: ping, dueMs });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await closed(this.#socket);
  }

  #listen(): void {
    this.#socket.on('close', (code, reason) => {
      if (!this.#isClosing) this.#listener.lost(`a connection was closed with ${code} ${reason}`.trimEnd());
    });
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#greetings > 0) {
      this.#greetings--;
      return;
    }
    const expected = this.#expected.shift();
    if (expected === undefined) {
      this.#listener.unexpected(`${shown(data)} came although nothing was to be answered`);
      return;
    }
    const isRight = !isBinary && expected.bytes.equals(data);
    const trouble = isRight ? null : `${shown(data)} came in answer to ${shown(expected.bytes)}`;
    this.#listener.answer(this, expected.dueMs, trouble);
  }
}

/** With a handshake when the server takes part in it. */
async function closed(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return;
  const timer = setTimeout(() => socket.terminate(), CLOSE_MS);
  socket.close(1000);
  await once(socket, 'close');
  clearTimeout(timer);
}

const shown = (data: Buffer): string => shownValue(data.subarray(0, 100).toString());

const numbered = (connection: number, sequence: number, size: number): Buffer =>
  Buffer.from(`${connection}.${sequence}.`.padEnd(size, PADDING));

/** Finds out how the endpoint behaves. Rejects when it cannot be connected to. */
export async function probe(url: string, size: number): Promise<Pick<Manner, 'isEcho' | 'greetings'>> {
  const socket = new WebSocket(url, CLIENT);
  const message = numbered(0, 0, size);
  let greetings = 0;
  const echo = new Promise<boolean>((resolve) => {
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary && message.equals(data)) resolve(true);
      else greetings++;
    });
    socket.once('open', () => {
      socket.send(message, { binary: false });
      setTimeout(resolve, PROBE_MS, false).unref();
    });
    socket.once('close', () => resolve(false));
  });
  await once(socket, 'open');
  socket.on('error', () => {});
  const isEcho = await echo;
  await closed(socket);
  return { isEcho, greetings: isEcho ? greetings : 0 };
}
