import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { Opcode } from '../harness/frames.ts';
import {
  type HeaderChanges,
  type HttpAnswer,
  handshake,
  RawClient,
  SAMPLE_KEY,
} from '../harness/raw-client.ts';

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('routes-app.js');
});
afterAll(() => server.close());

async function answerTo(request: string): Promise<HttpAnswer> {
  const raw = await RawClient.connect(server.port);
  raw.write(request);
  const answer = await raw.answer();
  raw.leave();
  return answer;
}

/** The answer to a handshake with one thing changed. */
const answerWith = (changes: HeaderChanges, method = 'GET'): Promise<HttpAnswer> =>
  answerTo(handshake('/', changes, method));

describe('a valid handshake', () => {
  it('is answered with the accept value of the RFC when the key is the one of the RFC', async () => {
    const { status, headers } = await answerWith({});
    expect(status).toBe(101);
    expect(headers.get('sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect(headers.get('upgrade')?.toLowerCase()).toBe('websocket');
    expect(headers.get('connection')?.toLowerCase()).toBe('upgrade');
    expect(headers.has('sec-websocket-protocol')).toBe(false);
    expect(headers.has('sec-websocket-extensions')).toBe(false);
  });

  it.each<[string, HeaderChanges]>([
    ['Connection has several tokens', { Connection: 'keep-alive, Upgrade' }],
    ['Connection comes in several lines', { Connection: ['keep-alive', 'upgrade'] }],
    ['tokens are in mixed case', { Upgrade: 'WebSocket', Connection: 'uPGRADE' }],
    ['tokens have space around them', { Upgrade: '  websocket  ', Connection: ' keep-alive ,\tUpgrade ' }],
    ['Upgrade lists other protocols as well', { Upgrade: 'h2c, websocket' }],
    [
      'header names are in another case',
      {
        Upgrade: null,
        Connection: null,
        'Sec-WebSocket-Key': null,
        'Sec-WebSocket-Version': null,
        UPGRADE: 'websocket',
        connection: 'upgrade',
        'sec-websocket-key': SAMPLE_KEY,
        'SEC-WEBSOCKET-VERSION': '13',
      },
    ],
    ['Content-Length is zero', { 'Content-Length': '0' }],
    ['subprotocols are offered and none is selected', { 'Sec-WebSocket-Protocol': 'chat.v1, chat.v2' }],
    ['subprotocols are offered in several lines', { 'Sec-WebSocket-Protocol': ['chat.v1', 'chat.v2'] }],
    ['extensions are offered that nobody knows', { 'Sec-WebSocket-Extensions': 'x-unknown; level=3' }],
  ])('is accepted when %s', async (_, changes) => {
    const { status, headers } = await answerWith(changes);
    expect(status).toBe(101);
    expect(headers.has('sec-websocket-protocol')).toBe(false);
  });
});

describe('a handshake that is not valid', () => {
  const shortKey = Buffer.alloc(15).toString('base64');
  /** Handshakes that were counted as not valid so far. */
  let counted = 0;

  afterEach(async () => {
    const before = counted;
    counted = await server.total('upgradesInvalid');
    expect(counted).toBe(before + 1);
  });

  it.each<[string, HeaderChanges]>([
    ['Upgrade is missing', { Upgrade: null }],
    ['Upgrade names another protocol', { Upgrade: 'h2c' }],
    ['Upgrade only contains the word', { Upgrade: 'websocketish' }],
    ['Connection is missing', { Connection: null }],
    ['Connection does not name Upgrade', { Connection: 'keep-alive' }],
    ['Connection only contains the word', { Connection: 'not-upgrade' }],
    ['the key is missing', { 'Sec-WebSocket-Key': null }],
    ['the key is empty', { 'Sec-WebSocket-Key': '' }],
    ['the key is short', { 'Sec-WebSocket-Key': shortKey }],
    ['the key is long', { 'Sec-WebSocket-Key': `${SAMPLE_KEY}AAAA` }],
    ['the key has its length but not its alphabet', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZ!==' }],
    [
      'the key has its length and alphabet but no padding',
      { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQAA' },
    ],
    ['the key has bits set that do not count', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZR==' }],
    ['the key comes twice', { 'Sec-WebSocket-Key': [SAMPLE_KEY, SAMPLE_KEY] }],
    ['Host comes twice', { Host: ['localhost', 'localhost'] }],
    ['a body is announced by its length', { 'Content-Length': '5' }],
    ['a body is announced in chunks', { 'Transfer-Encoding': 'chunked' }],
    ['a subprotocol is not a token', { 'Sec-WebSocket-Protocol': 'chat v1' }],
    ['a subprotocol is offered twice', { 'Sec-WebSocket-Protocol': 'chat, superchat, chat' }],
  ])('is answered 400 and the connection ends when %s', async (_, changes) => {
    const raw = await RawClient.connect(server.port);
    raw.write(handshake('/', changes));
    const { status, headers, body } = await raw.answer();
    expect(status).toBe(400);
    expect(body).not.toBe('');
    expect(headers.has('sec-websocket-accept')).toBe(false);
    await raw.ended;
  });

  it.each(['POST', 'PUT', 'HEAD', 'OPTIONS'])('is answered 400 when the method is %s', async (method) => {
    expect((await answerWith({}, method)).status).toBe(400);
  });

  it.each<[string, string | null]>([
    ['missing', null],
    ['of a draft', '8'],
    ['of the future', '14'],
    ['a list', '13, 8'],
    ['not a number', 'thirteen'],
  ])('is answered 426 with the version that is spoken when its version is %s', async (_, version) => {
    const { status, headers } = await answerWith({ 'Sec-WebSocket-Version': version });
    expect(status).toBe(426);
    expect(headers.get('sec-websocket-version')).toBe('13');
  });
});

it('answers 505 and the connection ends when a handshake is HTTP/1.0', async () => {
  const raw = await RawClient.connect(server.port);
  raw.write(handshake('/').replace('HTTP/1.1', 'HTTP/1.0'));
  expect((await raw.answer()).status).toBe(505);
  await raw.ended;
});

it('answers 400 and the connection ends when a handshake has no Host, which uWebSockets.js checks itself', async () => {
  const raw = await RawClient.connect(server.port);
  raw.write(handshake('/', { Host: null }));
  expect((await raw.answer()).status).toBe(400);
  await raw.ended;
});

describe('where there is no WebSocket', () => {
  it('answers 404 when the path is unknown', async () => {
    expect((await answerTo(handshake('/nowhere'))).status).toBe(404);
  });

  it.each(['/rooms/%', '/rooms/%zz', '/rooms/%ff', '/files/a/%c0%af'])(
    'answers 404 when the percent-encoding is invalid: %s',
    async (path) => {
      expect((await answerTo(handshake(path))).status).toBe(404);
    },
  );

  it('answers 404 to plain HTTP when the app has no fetch handler and the path is unknown', async () => {
    expect((await server.http('/nowhere')).status).toBe(404);
  });

  it('answers 426 to plain HTTP when the app has no fetch handler and the path is one for WebSockets', async () => {
    for (const path of ['/', '/rooms/a']) {
      const { status, headers } = await server.http(path);
      expect([status, headers.get('sec-websocket-version')]).toEqual([426, '13']);
    }
  });

  it('answers a handshake on the same TCP connection when one before it was refused with 404', async () => {
    const raw = await RawClient.connect(server.port);
    raw.write(handshake('/nowhere'));
    expect((await raw.answer()).status).toBe(404);
    raw.write(handshake('/'));
    expect((await raw.answer()).status).toBe(101);
    expect((await raw.frame()).opcode).toBe(Opcode.text);
    raw.leave();
  });
});

it('answers when the handshake arrives in two pieces', async () => {
  const raw = await RawClient.connect(server.port);
  const request = handshake('/');
  raw.socket.setNoDelay(true);
  raw.write(request.slice(0, 60));
  await new Promise((resolve) => setImmediate(resolve));
  raw.write(request.slice(60));
  expect((await raw.answer()).status).toBe(101);
  raw.leave();
});
