/** The line between clients and a server, which a test can cut. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Line {
  readonly #relay: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;
  #isMute = false;

  private constructor(serverPort: number) {
    this.#relay = createServer((client) => {
      if (this.#isCut) {
        client.destroy();
        return;
      }
      const server = connect(serverPort, '127.0.0.1');
      client.on('data', (chunk) => !this.#isMute && server.write(chunk));
      server.pipe(client);
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
      }
    });
  }

  static async to(serverPort: number): Promise<Line> {
    const line = new Line(serverPort);
    line.#relay.listen(0, '127.0.0.1');
    await once(line.#relay, 'listening');
    return line;
  }

  get port(): number {
    return (this.#relay.address() as AddressInfo).port;
  }

  /** What clients say gets lost. */
  mute(): void {
    this.#isMute = true;
  }

  /** Drops every connection, and new ones too until it is mended. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
    this.#isMute = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.#relay.close();
    await once(this.#relay, 'close');
  }
}
