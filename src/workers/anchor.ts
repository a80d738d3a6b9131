/**
 * A response that never ends, on a connection of the loop to itself; its cork serves others.
 *
 * uWebSockets.js wants a late write to a response (one after its handler has returned) within a cork callback. Its own cork
 * is not safe for an upgrade, which moves the socket while it is corked: some connections end right after the 101. One
 * socket can be corked at a time, so within the cork of another response the upgrade is not corked, which is safe.
 * See docs/adr/0006-late-upgrades-are-not-corked.md.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type App, closeListenToken, type HttpResponse, listen } from '../uws.ts';

const LOOPBACK = '127.0.0.1';
/** A machine whose loopback is filtered must not keep the loop from starting. */
const CONNECT_TIMEOUT_MS = 1000;

export class Anchor {
  #res: HttpResponse | null = null;

  /** Listens on the loopback for as long as it takes to connect once. Call before the app counts its sockets. */
  open(app: App, isTls: boolean): Promise<void> {
    const path = `/${randomBytes(16).toString('hex')}`;
    return new Promise((resolve) => {
      const listening = listen(app, LOOPBACK, 0, true);
      if (listening === null) {
        resolve();
        return;
      }
      const done = (): void => {
        closeListenToken(listening.token);
        resolve();
      };
      app.get(path, (res) => {
        res.onAborted(() => {
          this.#res = null;
        });
        this.#res = res;
        done();
      });
      const client = isTls ? connectToItself(listening.port) : connect(listening.port, LOOPBACK);
      client.unref();
      client.on('error', () => this.#res ?? done());
      client.setTimeout(CONNECT_TIMEOUT_MS, () => client.destroy(new Error('the loopback does not answer')));
      client.once('connect', () => client.setTimeout(0));
      client.write(`GET ${path} HTTP/1.1\r\nHost: ${LOOPBACK}\r\n\r\n`);
    });
  }

  /** Runs late writes to another response, uncorked; without an anchor, in that response's own cork. */
  run(res: HttpResponse, write: () => void): void {
    (this.#res ?? res).cork(write);
  }
}

/** The certificate is for other names than the loopback's, and there is nobody in between to guard against. */
const connectToItself = (port: number): Socket =>
  connectTls({ port, host: LOOPBACK, rejectUnauthorized: false });
