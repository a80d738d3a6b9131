import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Acceptor } from '../../src/primary/acceptor.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { handshake, RawClient } from '../harness/raw-client.ts';

/** Headers by which servers say what they are; uWebSockets.js has one of its own. */
const BANNERS = ['server', 'x-powered-by', 'uwebsockets', 'via'];
const NAMES = /uws|uwebsockets|polyloop\/|node/i;
const request = (path: string, version = '1.1'): string =>
  `GET ${path} HTTP/${version}\r\nHost: localhost\r\n\r\n`;

/** The status of the answer, which must not name the server. */
async function statusOf(port: number, text: string): Promise<number> {
  const raw = await RawClient.connect(port);
  raw.write(text);
  const { status, headers, body } = await raw.answer();
  raw.leave();
  expect(BANNERS.filter((name) => headers.has(name))).toEqual([]);
  expect(JSON.stringify([[...headers], body])).not.toMatch(NAMES);
  return status;
}

describe('no answer names the server or its version', () => {
  let server: FixtureServer;

  beforeAll(async () => {
    server = await FixtureServer.start('tls-app.js');
  });
  afterAll(() => server.close());

  it.each([
    ['an upgrade is accepted', 101, handshake('/now')],
    ['an upgrade is accepted late', 101, handshake('/late')],
    ['a request is served', 200, request('/')],
    ['a handshake is not valid', 400, handshake('/now', { 'Sec-WebSocket-Key': 'x' })],
    ['an origin is refused', 403, handshake('/now', { Origin: 'https://evil.example' })],
    ['a path does not exist', 404, handshake('/nothing')],
    ['the version is another', 426, handshake('/now', { 'Sec-WebSocket-Version': '8' })],
  ])('when %s: %i', async (_, status, text) => {
    expect(await statusOf(server.port, text)).toBe(status);
  });

  /** Recorded: docs/platform-limits.md. */
  it('but for the body of what uWebSockets.js answers itself, when the version of HTTP is another', async () => {
    const raw = await RawClient.connect(server.port);
    let text = '';
    raw.socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    raw.write(request('/', '1.0'));
    await raw.ended;
    const [head = '', body] = text.split('\r\n\r\n');
    expect(head.split('\r\n')).toEqual(['HTTP/1.1 505 HTTP Version Not Supported', 'Connection: close']);
    expect(body).toContain('uWebSockets/20');
  });
});

it('names nothing when no loop is there and the acceptor itself answers 503', async () => {
  const acceptor = new Acceptor(false);
  const port = await acceptor.listen('127.0.0.1', 0);
  expect(await statusOf(port, handshake('/now'))).toBe(503);
  expect(await statusOf(port, request('/'))).toBe(503);
  acceptor.close();
});
