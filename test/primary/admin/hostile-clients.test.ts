/** Clients of the admin port that break the rules, or never finish. Whatever they do, the next one is served. */
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Administration, administration } from '../../harness/administered.ts';
import { RawClient } from '../../harness/raw-client.ts';

const TOKEN = 'a-token-of-some-length';
const HEAD = `Host: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n`;
/** More than the admin server serves at a time. */
const MANY = 400;

let of: Administration;
beforeEach(async () => {
  of = await administration(TOKEN);
});
afterEach(async () => {
  expect((await of.admin.ask('/healthz')).status).toBe(200);
  of.server.close();
});

/** What the server says to these bytes before it closes, or the client does after its last byte. */
async function exchange(bytes: string | Uint8Array): Promise<string> {
  const socket: Socket = connect(of.port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => {});
  socket.end(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('latin1');
}

const statuses = (text: string): string[] => text.match(/(?<=HTTP\/1\.1 )\d{3}/g) ?? [];

it('goes on when it is sent random bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      expect(statuses(await exchange(bytes)).every((status) => status === '400')).toBe(true);
    }),
    { numRuns: 100 },
  );
});

it('goes on when it is sent requests with random parts', async () => {
  const part = fc.string({ unit: 'binary-ascii', maxLength: 20 });
  const method = fc.oneof(fc.constantFrom('GET', 'POST', 'CONNECT', 'OPTIONS', 'PRI', 'HEAD'), part);
  const path = fc.oneof(
    fc.constantFrom('/', '*', '/api/publish', '/api/events?', 'http://x/metrics', '/%zz'),
    part,
  );
  const headers = fc.array(
    fc.oneof(
      fc.constantFrom(
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Expect: 100-continue',
        'Expect: x',
        'Host: localhost',
      ),
      fc.tuple(part, part).map(([name, value]) => `${name}: ${value}`),
    ),
  );
  await fc.assert(
    fc.asyncProperty(method, path, headers, part, async (method, path, headers, body) => {
      await exchange([`${method} ${path} HTTP/1.1`, ...headers, 'Connection: close', '', body].join('\r\n'));
    }),
    { numRuns: 100 },
  );
});

it.each([
  ['two lengths', 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x'],
  ['a length and chunks', 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['chunks that are not the last encoding', 'Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n'],
  ['a header folded over two lines', 'X: 1\r\n 2\r\n\r\n'],
  ['a header name with a blank behind it', 'Content-Length : 2\r\n\r\n{}'],
  ['lines that end in LF alone', 'Content-Length: 2\n\n{}'],
  ['a chunk without a size', 'Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n'],
])('answers 400, closes, and reads no second request when a request has %s', async (_, rest) => {
  const text = await exchange(
    `POST /api/publish HTTP/1.1\r\n${HEAD}${rest}POST /api/reload HTTP/1.1\r\n${HEAD}\r\n`,
  );
  expect(statuses(text).slice(-1)).toEqual(['400']);
  expect(of.fake.done).not.toContain('reload');
});

it('answers one request at a time: drops a client that sends a second before the first is answered', async () => {
  const request = `GET /metrics HTTP/1.1\r\n${HEAD}\r\n`;
  expect(statuses(await exchange(request.repeat(1000))).length).toBeLessThanOrEqual(1);
  const reload = `POST /api/reload HTTP/1.1\r\n${HEAD}\r\n`;
  await exchange(reload.repeat(1000));
  expect(of.fake.done.length).toBeLessThanOrEqual(1);
});

it('serves one request after the other on a connection that is kept', async () => {
  const client = await RawClient.connect(of.port);
  for (const path of ['/healthz', '/metrics', '/api/loops', '/readyz', '/nothing', '/healthz']) {
    client.write(`GET ${path} HTTP/1.1\r\n${HEAD}\r\n`);
    expect((await client.answer()).status).toBe(path === '/nothing' ? 404 : 200);
  }
  client.leave();
});

it('does nothing when a body is left unfinished', async () => {
  const client = await RawClient.connect(of.port);
  client.write(`POST /api/publish HTTP/1.1\r\n${HEAD}Content-Length: 100\r\n\r\n{"channel":"a","data":"b"}`);
  client.leave();
  await client.ended;
  expect((await of.admin.ask('/healthz')).status).toBe(200);
  expect(of.fake.done).toEqual([]);
});

it('finishes a reload when its client has left', async () => {
  let finish = (): void => {};
  let called = (): void => {};
  const isCalled = new Promise<void>((resolve) => {
    called = resolve;
  });
  of.fake.reload = () => {
    called();
    return new Promise((resolve) => {
      finish = resolve;
    });
  };
  const client = await RawClient.connect(of.port);
  client.write(`POST /api/reload HTTP/1.1\r\n${HEAD}Content-Length: 0\r\n\r\n`);
  await isCalled;
  client.leave();
  await client.ended;
  expect((await of.admin.ask('/healthz')).status).toBe(200);
  finish();
  expect((await of.admin.ask('/healthz')).status).toBe(200);
});

it('serves HTTP/1.0 clients that name no host, as proxies that look whether the server is well', async () => {
  expect(statuses(await exchange('GET /readyz HTTP/1.0\r\n\r\n'))).toEqual(['200']);
});

it('takes no WebSocket', async () => {
  const upgrade = 'Upgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n';
  const text = await exchange(
    `GET /metrics HTTP/1.1\r\n${HEAD}${upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  expect(statuses(text)).not.toContain('101');
});

describe('slow clients', () => {
  it('drops a client that does not finish the head of its request', async () => {
    const silent = await RawClient.connect(of.port);
    const slow = await RawClient.connect(of.port);
    slow.write('GET /healthz HTTP/1.1\r\n');
    await Promise.all([silent.ended, slow.ended]);
  });

  it('serves again when more clients than it takes have left', async () => {
    const clients = await Promise.all(Array.from({ length: MANY }, () => RawClient.connect(of.port)));
    // Those above its limit have been dropped; the others hold all there is.
    for (const client of clients) client.leave();
    await Promise.all(clients.map(({ ended }) => ended));
  });
});
