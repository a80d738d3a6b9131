/** The primary's listening app. It hands every accepted connection to a loop and serves one only when no loop is there. */
import { createServer } from 'node:net';
import { ListenError } from '../errors.ts';
import {
  type App,
  closeListenToken,
  createApp,
  type ListenToken,
  type LoopDescriptor,
  listen,
} from '../uws.ts';

export class Acceptor {
  readonly #app: App = createApp();
  readonly #registered = new Set<LoopDescriptor>();
  #token: ListenToken | undefined;

  constructor() {
    this.#app.any('/*', (res) => {
      res
        .writeStatus('503 Service Unavailable')
        .writeHeader('retry-after', '1')
        .end('no loop is ready', true);
    });
  }

  /** Starts to listen, alone on its port; returns the actual port. Throws `ListenError`. */
  async listen(host: string, port: number): Promise<number> {
    const listening = listen(this.#app, host, port, true);
    if (listening === null) throw await explainRefusal(host, port);
    this.#token = listening.token;
    return listening.port;
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

const REASONS: Record<string, string> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'no permission to use this port',
  EADDRNOTAVAIL: 'the address is not one of this machine',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be resolved',
};

/** uWebSockets.js says only that it failed; Node, asked for the same address, says why. */
export async function explainRefusal(host: string, port: number): Promise<ListenError> {
  const shown = `${host === '' ? '*' : host}:${port}`;
  const probe = createServer();
  const cause = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    probe.once('error', resolve);
    probe.listen({ port, exclusive: true, ...(host === '' ? {} : { host }) }, () =>
      probe.close(() => resolve(undefined)),
    );
  });
  const reason = REASONS[cause?.code ?? ''] ?? cause?.message ?? 'the address was refused';
  return new ListenError(`cannot listen on ${shown}: ${reason}`, { cause });
}
