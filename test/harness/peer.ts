/** The far end of a connection that is under test: a socket of the `ws` package, with promises for what tests wait for. */
import { once } from 'node:events';
import type { WebSocket } from 'ws';
import { Arrivals } from './arrivals.ts';

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export class Peer {
  readonly socket: WebSocket;
  readonly closed: Promise<Closed>;
  readonly #messages = new Arrivals<string | Buffer>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, isBinary) => this.#messages.add(isBinary ? data : data.toString()));
    this.closed = once(socket, 'close').then(([code, reason]) => ({
      code: code as number,
      reason: String(reason),
    }));
    this.closed.catch(() => {});
    socket.on('error', () => {});
  }

  /** The next message, in order: text as a string, binary as a Buffer. */
  next(): Promise<string | Buffer> {
    return this.#messages.next();
  }

  /** Messages that have arrived and were not taken by `next`. */
  get unread(): readonly (string | Buffer)[] {
    return this.#messages.untaken;
  }

  send(data: string | Uint8Array): void {
    this.socket.send(data);
  }

  /** Resolves when the other end has received all that this one sent: a ping takes the same way. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      const onPong = (payload: Buffer): void => {
        if (String(payload) !== 'settled') return;
        this.socket.off('pong', onPong);
        resolve();
      };
      this.socket.on('pong', onPong);
      this.socket.ping('settled');
    });
  }
}
