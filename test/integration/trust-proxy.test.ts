import { afterEach, describe, expect, it } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { COMMAND, proxyHeader } from '../harness/proxy-header.ts';
import { type HeaderChanges, handshake, RawClient } from '../harness/raw-client.ts';

/** Its connections are told what their request and they themselves say of the client's address. */
const APP = 'addresses-app.js';
let server: FixtureServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function startWith(trustProxy: number | string): Promise<FixtureServer> {
  server = await FixtureServer.start(APP, { trustProxy });
  return server;
}

const upgrade = (forwarded: string | null): Buffer =>
  Buffer.from(handshake('/', { 'X-Forwarded-For': forwarded }), 'latin1');

async function addressOn(raw: RawClient): Promise<string> {
  expect((await raw.answer()).status).toBe(101);
  const { inShouldUpgrade, inOnUpgrade, ofConnection } = JSON.parse((await raw.frame()).payload.toString());
  expect([inShouldUpgrade, inOnUpgrade]).toEqual([ofConnection, ofConnection]);
  raw.leave();
  return ofConnection;
}

const request = (path: string, method = 'GET', headers = ''): Buffer =>
  Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`, 'latin1');

/** The address of a connection that sends this before its handshake. */
async function addressWith(
  { port }: FixtureServer,
  { forwarded = null, before = Buffer.alloc(0) }: { forwarded?: string | null; before?: Buffer },
): Promise<string> {
  const raw = await RawClient.connect(port);
  raw.write(Buffer.concat([before, upgrade(forwarded)]));
  return addressOn(raw);
}

const FORWARDED = '198.51.100.1, 203.0.113.7';

describe('the address of a connection', () => {
  it('is that of the socket when no proxy is trusted, whatever is sent', async () => {
    const started = await startWith(0);
    expect(await addressWith(started, { forwarded: FORWARDED })).toBe('127.0.0.1');
    expect(await addressWith(started, { before: proxyHeader('203.0.113.7') })).toBe('127.0.0.1');
  });

  it('is that of the socket when the peer is none of the trusted proxies', async () => {
    const started = await startWith('10.0.0.0/8');
    expect(await addressWith(started, { forwarded: FORWARDED })).toBe('127.0.0.1');
    expect(await addressWith(started, { before: proxyHeader('203.0.113.7') })).toBe('127.0.0.1');
  });

  it('is what the trusted proxy says when there is one', async () => {
    const started = await startWith(1);
    expect(await addressWith(started, { forwarded: FORWARDED })).toBe('203.0.113.7');
    expect(await addressWith(started, {})).toBe('127.0.0.1');
  });

  it('is the first that is no trusted proxy when they are given by network', async () => {
    const started = await startWith('loopback,203.0.113.0/24');
    expect(await addressWith(started, { forwarded: FORWARDED })).toBe('198.51.100.1');
    expect(await addressWith(started, { forwarded: '198.51.100.1, unknown, 203.0.113.7' })).toBe(
      '203.0.113.7',
    );
  });

  it('is what a PROXY protocol header of a trusted proxy says', async () => {
    const started = await startWith('loopback');
    const before = proxyHeader('203.0.113.7');
    expect(await addressWith(started, { before })).toBe('203.0.113.7');
    expect(await addressWith(started, { before, forwarded: '198.51.100.1' })).toBe('203.0.113.7');
  });

  it('is the same when the PROXY protocol header comes in a segment of its own, or in two', async () => {
    const started = await startWith('loopback');
    const header = proxyHeader('203.0.113.7');
    for (const parts of [[header], [header.subarray(0, 20), header.subarray(20)]]) {
      const raw = await RawClient.connect(started.port);
      raw.socket.setNoDelay();
      for (const part of parts) await new Promise((resolve) => raw.socket.write(part, resolve));
      raw.write(upgrade(null));
      expect(await addressOn(raw)).toBe('203.0.113.7');
    }
  });
});

/** Recorded: docs/platform-limits.md. */
describe('uWebSockets.js', () => {
  it('takes a PROXY protocol header from anybody, and serves the request after it', async () => {
    const started = await startWith(0);
    expect(await addressWith(started, { before: proxyHeader('203.0.113.7') })).toBe('127.0.0.1');
    expect(await started.total('upgradesInvalid')).toBe(0);
  });

  it('takes the addresses of a PROXY protocol header also when it says that they are to be ignored', async () => {
    const before = proxyHeader('203.0.113.7', COMMAND.local);
    expect(await addressWith(await startWith(1), { before })).toBe('203.0.113.7');
  });
});

describe('a connection that has an address from the PROXY protocol', () => {
  const before = proxyHeader('203.0.113.7');
  const forged = Buffer.concat([proxyHeader('198.51.100.1'), upgrade(null)]);
  const asking = (path: string, changes: HeaderChanges = {}): Buffer =>
    Buffer.from(handshake(path, changes), 'latin1');
  /** Each is answered, and is not a WebSocket then. */
  const REQUESTS: [string, Buffer, number][] = [
    ['a request that the app answers', request('/'), 200],
    ['a request without a body in its answer', request('/', 'HEAD'), 200],
    ['a request that the app answers with none', request('/none'), 204],
    ['a request that is not valid', request('/', 'GET', 'Content-Length: 0\r\nContent-Length: 0\r\n'), 400],
    ['an upgrade to no path', asking('/no/such/path'), 404],
    ['an upgrade that is not valid', asking('/', { 'Sec-WebSocket-Version': '8' }), 426],
    ['an upgrade from an origin that is refused', asking('/', { Origin: 'null' }), 403],
    ['an upgrade that shouldUpgrade refuses', asking('/refused'), 403],
    ['an upgrade that shouldUpgrade refuses late', asking('/refused-late'), 403],
  ];

  it.each(REQUESTS)(
    'ends with the answer, so that no other header can follow: %s',
    async (_, first, status) => {
      const { port } = await startWith(1);
      const raw = await RawClient.connect(port);
      raw.write(Buffer.concat([before, first]));
      const answer = await raw.answer();
      expect([answer.status, answer.headers.get('connection')]).toEqual([status, 'close']);
      await raw.ended;
    },
  );

  it.each(REQUESTS)('serves nothing that follows in the same segment: %s', async (_, first) => {
    const started = await startWith(1);
    const raw = await RawClient.connect(started.port);
    let received = '';
    raw.socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
    });
    raw.write(Buffer.concat([before, first, forged]));
    await raw.ended;
    expect(received).not.toContain(' 101 ');
    expect(await started.total('connectionsOpened')).toBe(0);
  });
});

it('keeps a connection for further requests when its address comes from X-Forwarded-For', async () => {
  const { port } = await startWith(1);
  const raw = await RawClient.connect(port);
  for (let i = 0; i < 2; i++) {
    raw.write(request('/', 'GET', 'X-Forwarded-For: 203.0.113.7\r\n'));
    expect((await raw.answer()).status).toBe(200);
  }
  raw.write(upgrade('203.0.113.7'));
  expect(await addressOn(raw)).toBe('203.0.113.7');
});
