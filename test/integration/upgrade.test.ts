import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, refusal } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { handshake, RawClient } from '../harness/raw-client.ts';

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('upgrade-app.js', { origins: '*' });
});
afterAll(() => server.close());

describe.each([
  ['decides at once', 'now'],
  ['decides after an await', 'later'],
])('shouldUpgrade that %s', (_, when) => {
  const url = (decision: string): string => server.url(`/${when}/${decision}`);

  it('adds nothing to the 101 answer when it returns an empty object', async () => {
    const client = await Client.open(url('empty'));
    expect(Object.keys(client.handshake?.headers ?? {}).sort()).toEqual([
      'connection',
      'date',
      'sec-websocket-accept',
      'upgrade',
    ]);
    client.socket.terminate();
  });

  it('adds headers to the 101 answer when it returns a record', async () => {
    const client = await Client.open(url('record'));
    expect(client.handshake?.headers).toMatchObject({ 'x-added': 'yes' });
    client.socket.terminate();
  });

  // In the Fetch standard each character of a header value is one byte; Node.js reads answers the same way.
  it('sends one byte for each character when a header value is not ASCII', async () => {
    const client = await Client.open(url('record'));
    expect(client.handshake?.headers['x-bytes']).toBe('caf\u00e9');
    client.socket.terminate();
  });

  it('adds headers to the 101 answer when it returns pairs', async () => {
    const client = await Client.open(url('pairs'));
    expect(client.handshake?.headers).toMatchObject({ 'x-one': '1', 'x-two': '2' });
    client.socket.terminate();
  });

  it('adds each cookie in a line of its own when it returns Headers', async () => {
    const client = await Client.open(url('headers'));
    expect(client.handshake?.headers).toMatchObject({ 'x-one': '1', 'set-cookie': ['a=1', 'b=2; Path=/'] });
    client.socket.terminate();
  });

  it('answers 403 when it returns null', async () => {
    const { status, headers } = await refusal(url('null'));
    expect(status).toBe(403);
    expect(headers['sec-websocket-accept']).toBeUndefined();
  });

  it('answers with status, headers and body when it returns those', async () => {
    const { status, headers, body } = await refusal(url('rejection'));
    expect(status).toBe(401);
    expect(headers).toMatchObject({ 'www-authenticate': 'Bearer', 'x-why': 'no token' });
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(body).toBe('who are you? ✋');
  });

  it('answers with the content type of its choice when it returns one', async () => {
    const { status, headers, body } = await refusal(url('own-type'));
    expect(status).toBe(429);
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'retry-after': '3' });
    expect(body).toBe('{}');
  });

  it('answers with a redirect when it returns one', async () => {
    const { status, headers } = await refusal(url('redirect'));
    expect([status, headers.location]).toEqual([307, '/elsewhere']);
  });

  it('cannot break the framing of the answer when it returns headers that belong to the connection', async () => {
    const raw = await RawClient.connect(server.port);
    raw.write(handshake(`/${when}/hop-headers`));
    const { status, headers, body } = await raw.answer();
    expect([status, headers.get('content-length'), body]).toEqual([403, '2', 'no']);
    expect(headers.has('transfer-encoding')).toBe(false);
    // The connection is still good for a request.
    raw.write(handshake('/echo'));
    expect((await raw.answer()).status).toBe(101);
    raw.leave();
  });
});

describe('a subprotocol', () => {
  it.each([
    ['now', 'first-protocol', 'chat.v2'],
    ['later', 'first-protocol', 'chat.v2'],
    ['now', 'last-protocol', 'x'],
    ['later', 'last-protocol', 'x'],
  ])(
    'is named in the 101 answer and in ws.protocol when it was selected: /%s/%s',
    async (when, decision, selected) => {
      const client = await Client.open(server.url(`/${when}/${decision}`), ['chat.v2', 'chat.v1', 'x']);
      expect(client.socket.protocol).toBe(selected);
      expect(client.handshake?.headers['sec-websocket-protocol']).toBe(selected);
      expect(await client.next()).toBe(`protocol: ${selected}`);
      client.socket.terminate();
    },
  );

  it('leaves the other headers in the 101 answer when it was selected', async () => {
    const client = await Client.open(server.url('/now/first-protocol'), ['chat']);
    expect(client.handshake?.headers['x-added']).toBe('yes');
    client.socket.terminate();
  });

  it('is not named, and ws.protocol is empty, when none was selected', async () => {
    // `ws` itself refuses an answer without a subprotocol when it has offered some.
    const raw = await RawClient.open(server.port, '/now/empty', { 'Sec-WebSocket-Protocol': 'chat' });
    expect((await raw.frame()).payload.toString()).toBe('protocol: ');
    raw.leave();
  });
});

describe('the request that shouldUpgrade and onUpgrade get', () => {
  it('can be read after an await, in both, when the handshake is long over', async () => {
    const path = '/request/g%C3%BAndi/a/b%20c?token=x&x=%C3%A9+1&x=2&flag';
    const client = await Client.open(server.url(path), ['chat.v2', 'chat.v1'], {
      headers: { 'X-Custom': 'some value', Cookie: 'a=1; b=2', Origin: 'https://example.com' },
    });
    const { inShouldUpgrade, inOnUpgrade } = JSON.parse(String(await client.next()));
    expect(inShouldUpgrade).toMatchObject({
      method: 'GET',
      url: path,
      path: '/request/g%C3%BAndi/a/b%20c',
      params: { name: 'gúndi', '*': 'a/b c' },
      query: [
        ['token', 'x'],
        ['x', 'é 1'],
        ['x', '2'],
        ['flag', ''],
      ],
      remoteAddress: '127.0.0.1',
      protocols: ['chat.v2', 'chat.v1'],
    });
    expect(Object.fromEntries(inShouldUpgrade.headers)).toMatchObject({
      host: `127.0.0.1:${server.port}`,
      upgrade: 'websocket',
      'x-custom': 'some value',
      cookie: 'a=1; b=2',
      origin: 'https://example.com',
      'sec-websocket-version': '13',
    });
    expect(inOnUpgrade).toEqual(inShouldUpgrade);
    client.socket.terminate();
  });

  it('has every value of a header that comes in several lines', async () => {
    const raw = await RawClient.open(server.port, '/request/x/', {
      'X-Many': ['one', 'two'],
      'Sec-WebSocket-Protocol': ['a, b', 'c'],
    });
    const { inOnUpgrade } = JSON.parse((await raw.frame()).payload.toString());
    expect(Object.fromEntries(inOnUpgrade.headers)['x-many']).toBe('one, two');
    expect(inOnUpgrade.protocols).toEqual(['a', 'b', 'c']);
    raw.leave();
  });
});
