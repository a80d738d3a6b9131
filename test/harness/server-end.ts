/** The server's connection under test: a loop with test/fixtures/ends-app.js, and a peer of the `ws` package that connects to it. */
import { onTestFinished } from 'vitest';
import { Client } from './client.ts';
import { type Body, Connection, type End, type EndOptions, type OpenOptions, record } from './end.ts';
import { FixtureServer } from './fixture-server.ts';

export class ServerEnd implements End {
  readonly side = 'server';
  readonly #server: FixtureServer;
  readonly #options: EndOptions;
  #opened = 0;

  private constructor(server: FixtureServer, options: EndOptions) {
    this.#server = server;
    this.#options = options;
  }

  static async start(options: EndOptions): Promise<ServerEnd> {
    return new ServerEnd(await FixtureServer.start('ends-app.js', options), options);
  }

  async open({ protocols = [], isBare = false }: OpenOptions = {}): Promise<Connection> {
    const name = `${++this.#opened}`;
    const perMessageDeflate = this.#options.compression ?? false;
    const client = await Client.open(this.#server.url(`/end/${name}`), [...protocols], { perMessageDeflate });
    onTestFinished(() => client.socket.terminate());
    const connection = new ServerConnection(client, this.#server, name);
    if (!isBare) await connection.run(record);
    return connection;
  }

  failures(): Promise<number> {
    return this.#server.total('handlerErrors');
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

class ServerConnection extends Connection {
  protected readonly isMasked = true;
  readonly #server: FixtureServer;
  readonly #name: string;

  constructor(client: Client, server: FixtureServer, name: string) {
    if (client.handshake === undefined) throw new Error('the connection is not open');
    super(client, client.handshake.socket);
    this.#server = server;
    this.#name = name;
  }

  async run<Args extends readonly unknown[], T>(body: Body<Args, T>, ...args: Args): Promise<Awaited<T>> {
    const request = { method: 'POST', body: JSON.stringify({ source: body.toString(), args }) };
    const response = await this.#server.http(`/run/${this.#name}`, request);
    const { value, error } = (await response.json()) as { value: Awaited<T>; error?: string };
    if (error !== undefined) throw new Error(error);
    return value;
  }

  seen(): Promise<unknown> {
    return this.#server.seen(this.#name);
  }

  unseen(): Promise<unknown> {
    return this.#server.unseen(this.#name);
  }
}
