/** What the option `backplane` says: which engine, and where it is. */

import type { BridgeOrder } from './shared/log.ts';

export type Engine = {
  readonly kind: 'nats' | 'redis';
  /** `host:port`. */
  readonly servers: readonly string[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly isTls: boolean;
  /** Of Redis; 0 when none is named. */
  readonly database: number;
};

/** Who gives messages their numbers. */
const ORDERS: Readonly<Record<Engine['kind'], BridgeOrder>> = { nats: 'node', redis: 'channel' };

const SCHEMES: Readonly<Record<string, { kind: Engine['kind']; isTls: boolean; port: string }>> = {
  'nats:': { kind: 'nats', isTls: false, port: '4222' },
  'tls:': { kind: 'nats', isTls: true, port: '4222' },
  'redis:': { kind: 'redis', isTls: false, port: '6379' },
  'rediss:': { kind: 'redis', isTls: true, port: '6379' },
};

/** How what comes through the engine is ordered, which the option `backplane` names; null without one. */
export function orderOf(backplane: string | null): BridgeOrder | null {
  const engine = backplane === null ? undefined : parseEngine(backplane);
  return engine === undefined ? null : ORDERS[engine.kind];
}

/** A number in the path. */
const DATABASE = /^\/\d{1,4}$/;

/**
 * Reads one URL, or several of the same engine separated by commas; a later one may leave out the scheme. A user and a password stand in
 * the first. Undefined when it is something else.
 */
export function parseEngine(text: string): Engine | undefined {
  const [first = '', ...others] = text.split(',').map((part) => part.trim());
  const scheme = /^[a-z]+:/.exec(first)?.[0] ?? '';
  const engine = SCHEMES[scheme];
  if (engine === undefined) return undefined;
  const urls = [first, ...others.map((part) => (part.includes('://') ? part : `${scheme}//${part}`))];
  const servers: string[] = [];
  for (const url of urls) {
    if (!URL.canParse(url)) return undefined;
    const { protocol, hostname, port, pathname, search, hash } = new URL(url);
    const isPath = ['', '/'].includes(pathname) || (engine.kind === 'redis' && DATABASE.test(pathname));
    if (protocol !== scheme || hostname === '' || search || hash || !isPath) return undefined;
    servers.push(`${hostname}:${port || engine.port}`);
  }
  const { username, password, pathname } = new URL(first);
  return {
    kind: engine.kind,
    servers,
    user: username === '' ? undefined : decodeURIComponent(username),
    password: password === '' ? undefined : decodeURIComponent(password),
    isTls: engine.isTls,
    database: Number(pathname.slice(1)),
  };
}
