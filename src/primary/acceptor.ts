/** The primary's listening app. It hands every accepted connection to a loop and serves one only when no loop is there. */
import { createServer } from 'node:net';
import { ListenError } from '../errors.ts';
import {
  type App,
  closeListenToken,
  createApp,
  createTlsAcceptor,
  type ListenToken,
  type LoopDescriptor,
  listen,
} from '../uws.ts';

export class Acceptor {
  readonly #app: App;
  readonly #registered = new Set<LoopDescriptor>();
  #token: ListenToken | undefined;

  /**
   * A socket that is handed over is served with the loop's certificates. The acceptor has none, so that none outlives its file:
   * with TLS, a client that comes when no loop is there sees its TLS handshake fail instead of 503.
   */
  constructor(isTls: boolean) {
    this.#app = isTls ? createTlsAcceptor() : createApp();
    this.#app.any('/*', (res) => {
      res
        .writeStatus('503 Service Unavailable')
        .writeHeader('retry-after', '1')
        .end('no loop is ready', true);
    });
  }

  /** Starts to listen, alone on its port; returns the actual port. Throws `ListenError`. */
  async listen(host: string, port: number): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      // uSockets makes the port reusable after a restart (SO_REUSEADDR) only where it is asked for a certain one.
      const wanted = port === 0 ? await freePort(host) : port;
      const listening = listen(this.#app, host, wanted, true);
      if (listening !== null) {
        this.#token = listening.token;
        return listening.port;
      }
      // Somebody else may have taken the free port meanwhile.
      if (port !== 0 || attempt === FREE_PORT_ATTEMPTS) throw await explainRefusal(host, wanted);
    }
  }

  /** Connections accepted from here on go, in turn, to the loops that are registered. */
  register(descriptor: LoopDescriptor): void {
    if (this.#registered.has(descriptor)) return;
    this.#registered.add(descriptor);
    this.#app.addChildAppDescriptor(descriptor);
  }

  /** Must happen before the loop closes its app: a descriptor that outlives its app is a use after free. */
  unregister(descriptor: LoopDescriptor): void {
    if (this.#registered.delete(descriptor)) this.#app.removeChildAppDescriptor(descriptor);
  }

  stopListening(): void {
    if (this.#token) closeListenToken(this.#token);
    this.#token = undefined;
  }

  close(): void {
    this.stopListening();
    for (const descriptor of this.#registered) this.unregister(descriptor);
    this.#app.close();
  }
}

const FREE_PORT_ATTEMPTS = 5;

const REASONS: Record<string, string> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'no permission to use this port',
  EADDRNOTAVAIL: 'the address is not one of this machine',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be resolved',
};

/** A port that is free now; 0 when Node cannot listen there either. */
async function freePort(host: string): Promise<number> {
  const probed = await probe(host, 0);
  return typeof probed === 'number' ? probed : 0;
}

/** uWebSockets.js says only that it failed; Node, asked for the same address, says why. */
export async function explainRefusal(host: string, port: number): Promise<ListenError> {
  const probed = await probe(host, port);
  return listenError(host, port, typeof probed === 'number' ? undefined : probed);
}

/** Says what Node's error means. */
export function listenError(
  host: string,
  port: number,
  cause: NodeJS.ErrnoException | undefined,
): ListenError {
  const reason = REASONS[cause?.code ?? ''] ?? cause?.message ?? 'the address was refused';
  return new ListenError(`cannot listen on ${host === '' ? '*' : host}:${port}: ${reason}`, { cause });
}

/** Listens for a moment with Node: the port, or the error. */
function probe(host: string, port: number): Promise<number | NodeJS.ErrnoException> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', resolve);
    server.listen({ port, exclusive: true, ...(host === '' ? {} : { host }) }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? port) : port));
    });
  });
}
