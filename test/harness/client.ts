/** An independent client, `ws`, with promises for what tests wait for. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type ClientOptions, WebSocket } from 'ws';

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export class Client {
  readonly socket: WebSocket;
  readonly closed: Promise<Closed>;
  /** The answer to the handshake: its status and headers. */
  handshake: IncomingMessage | undefined;
  readonly #messages: (string | Buffer)[] = [];
  readonly #takers: ((message: string | Buffer) => void)[] = [];

  constructor(url: string, protocols: string[] = [], options: ClientOptions = {}) {
    this.socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
    this.socket.on('upgrade', (response) => {
      this.handshake = response;
    });
    this.socket.on('message', (data: Buffer, isBinary) => {
      const message = isBinary ? data : data.toString();
      const taker = this.#takers.shift();
      if (taker) taker(message);
      else this.#messages.push(message);
    });
    this.closed = once(this.socket, 'close').then(([code, reason]) => ({
      code: code as number,
      reason: String(reason),
    }));
    this.closed.catch(() => {});
    this.socket.on('error', () => {});
  }

  /** Connects; rejects when the handshake is refused. */
  static async open(url: string, protocols: string[] = [], options: ClientOptions = {}): Promise<Client> {
    const client = new Client(url, protocols, options);
    await once(client.socket, 'open');
    return client;
  }

  /** The next message, in order: text as a string, binary as a Buffer. */
  next(): Promise<string | Buffer> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Messages that have arrived and were not taken by `next`. */
  get unread(): readonly (string | Buffer)[] {
    return this.#messages;
  }

  send(data: string | Uint8Array): void {
    this.socket.send(data);
  }
}

/** Tries a handshake and gives the answer that refused it. */
export async function refusal(
  url: string,
  protocols: string[] = [],
  options: ClientOptions = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
  const socket = new WebSocket(url, protocols, options);
  socket.on('error', () => {});
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  };
}
