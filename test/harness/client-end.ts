/** The client's connection under test: `connect`, to a server of the `ws` package whose connections are the peers. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect, type WebSocket } from 'polyloop';
import { onTestFinished } from 'vitest';
import { WebSocketServer, type WebSocket as WsSocket } from 'ws';
import { Arrivals } from './arrivals.ts';
import { type Body, Connection, type End, type EndOptions, type OpenOptions, record } from './end.ts';
import { Peer } from './peer.ts';

export class ClientEnd implements End {
  readonly side = 'client';
  readonly #server: WebSocketServer;
  readonly #options: EndOptions;
  #failures = 0;

  private constructor(server: WebSocketServer, options: EndOptions) {
    this.#server = server;
    this.#options = options;
  }

  static async start(options: EndOptions): Promise<ClientEnd> {
    const perMessageDeflate = options.compression ? { threshold: 0 } : false;
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate });
    await once(server, 'listening');
    return new ClientEnd(server, options);
  }

  async open({ protocols = [], isBare = false }: OpenOptions = {}): Promise<Connection> {
    const accepted = once(this.#server, 'connection') as Promise<[WsSocket, IncomingMessage]>;
    const { port } = this.#server.address() as AddressInfo;
    const ws = await connect(`ws://127.0.0.1:${port}/`, {
      ...this.#options,
      protocols,
      onError: () => {
        this.#failures++;
      },
    });
    const [socket, { socket: wire }] = await accepted;
    onTestFinished(() => socket.terminate());
    const connection = new ClientConnection(ws, new Peer(socket), wire);
    if (!isBare) await connection.run(record);
    return connection;
  }

  failures(): Promise<number> {
    return Promise.resolve(this.#failures);
  }

  async close(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

class ClientConnection extends Connection {
  protected readonly isMasked = false;
  readonly #ws: WebSocket;
  readonly #events = new Arrivals<unknown>();

  constructor(ws: WebSocket, peer: Peer, wire: Socket) {
    super(peer, wire);
    this.#ws = ws;
  }

  async run<Args extends readonly unknown[], T>(body: Body<Args, T>, ...args: Args): Promise<Awaited<T>> {
    const scope = { ws: this.#ws, post: (event: unknown) => this.#events.add(asJson(event)) };
    try {
      return asJson(await body(scope, ...args));
    } catch (error) {
      throw new Error(String(error));
    }
  }

  seen(): Promise<unknown> {
    return this.#events.next();
  }

  unseen(): Promise<unknown> {
    return Promise.resolve(this.#events.untaken);
  }
}

const asJson = <T>(value: T): T => (value === undefined ? value : JSON.parse(JSON.stringify(value)));
