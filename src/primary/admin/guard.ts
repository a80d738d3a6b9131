/** Who may do what on the admin port. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { networkSet } from '../../networks.ts';

/** Why a request is refused. */
export interface Denial {
  readonly status: 401 | 403;
  readonly error: string;
}

const LOOPBACK = networkSet('loopback');

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export class Guard {
  readonly #token: Buffer | null;
  readonly #isLoopback: boolean;

  /** `address` is the IP address that the admin server listens on. */
  constructor(token: string | null, address: string) {
    this.#token = token === null ? null : digest(token);
    this.#isLoopback = LOOPBACK.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }

  /** Whether the request may look. */
  denyReading(req: IncomingMessage): Denial | null {
    if (!this.#isLoopback || namesThisMachine(req.headers.host)) return null;
    // A page whose name was pointed to this machine after the browser had loaded it.
    return { status: 403, error: 'the admin server answers to localhost and to IP addresses only' };
  }

  /** Whether the request may change something. */
  denyChange(req: IncomingMessage): Denial | null {
    if (this.#token !== null) {
      const [, given = ''] = /^bearer +(\S+) *$/i.exec(req.headers.authorization ?? '') ?? [];
      // Digests have one length whatever the token's, and comparing them takes the same time wherever they differ.
      if (timingSafeEqual(digest(given), this.#token)) return null;
      return { status: 401, error: 'this needs the bearer token that --admin-token was given' };
    }
    if (!this.#isLoopback)
      return { status: 403, error: 'not allowed: --admin-token is not set and --admin-host is not loopback' };
    if (isOfAnotherSite(req)) return { status: 403, error: 'not allowed from a page of another origin' };
    return null;
  }
}

/** Browsers always say whom they mean. What says nothing is something else, as a proxy that looks whether the server is well. */
function namesThisMachine(host: string | undefined): boolean {
  if (host === undefined) return true;
  const name = host
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || isIP(name) !== 0;
}

/** A browser says where the page comes from; other programs say nothing. */
function isOfAnotherSite({ headers }: IncomingMessage): boolean {
  return headers.origin !== undefined && headers.origin !== `http://${headers.host}`;
}
