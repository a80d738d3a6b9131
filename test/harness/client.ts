/** An independent client, `ws`, with promises for what tests wait for. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type ClientOptions, WebSocket } from 'ws';
import { Peer } from './peer.ts';

export class Client extends Peer {
  /** The answer to the handshake: its status and headers. */
  handshake: IncomingMessage | undefined;

  constructor(url: string, protocols: string[] = [], options: ClientOptions = {}) {
    super(new WebSocket(url, protocols, { perMessageDeflate: false, ...options }));
    this.socket.on('upgrade', (response) => {
      this.handshake = response;
    });
  }

  /** Connects; rejects when the handshake is refused. */
  static async open(url: string, protocols: string[] = [], options: ClientOptions = {}): Promise<Client> {
    const client = new Client(url, protocols, options);
    await once(client.socket, 'open');
    return client;
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
