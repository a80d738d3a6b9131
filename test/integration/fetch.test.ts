import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';

let server: FixtureServer;
beforeAll(async () => {
  server = await FixtureServer.start('http-app.js');
});
afterAll(() => server.close());

test('gives the handler method, URL, query and headers of a request when it is a GET', async () => {
  const path = '/request?a=1&a=2&b=%C3%BC&c';
  const seen = (await (await server.http(path, { headers: { 'X-Test': 'yes', cookie: 'k=v' } })).json()) as {
    headers: [string, string][];
  };
  expect(seen).toMatchObject({
    method: 'GET',
    url: `http://127.0.0.1:${server.port}${path}`,
    query: [
      ['a', '1'],
      ['a', '2'],
      ['b', 'ü'],
      ['c', ''],
    ],
  });
  expect(seen.headers).toContainEqual(['x-test', 'yes']);
  expect(seen.headers).toContainEqual(['cookie', 'k=v']);
});

test('sends status, reason, headers and body as the handler gave them, with a length when the body is at hand', async () => {
  const response = await server.http('/teapot');
  expect(response).toMatchObject({ status: 418, statusText: 'Short And Stout' });
  expect(response.headers.get('x-handle')).toBe('yes');
  expect(response.headers.get('content-length')).toBe('15');
  expect(response.headers.get('content-type')).toBe('text/plain;charset=UTF-8');
  expect(await response.text()).toBe('short and stout');
  expect(await (await server.http('/text')).text()).toBe('grüß dich');
});

test('sends each cookie in a header of its own when there are several', async () => {
  const response = await server.http('/cookies');
  expect(response.headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=2, 3']);
});

test('sends an empty body of length zero when the response has none', async () => {
  const response = await server.http('/status?200');
  expect(response.headers.get('content-length')).toBe('0');
  expect(await response.text()).toBe('');
});

test('streams a body both ways unchanged when it is large', async () => {
  const bytes = randomBytes(5 * 1024 * 1024);
  const headers = { 'content-type': 'application/octet-stream' };
  const address = { host: '127.0.0.1', port: server.port, path: '/echo' };
  for (let i = 0; i < 10; i++) {
    const posting = request({ ...address, method: 'POST', headers });
    posting.end(bytes);
    const [response] = (await once(posting, 'response')) as [IncomingMessage];
    expect(response.headers['content-type']).toBe('application/octet-stream');
    const echo = createHash('sha256');
    for await (const chunk of response) echo.update(chunk as Buffer);
    expect(echo.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
  }
});

test('reads a body to its end when it comes in chunks of any size', async () => {
  const parts = Array.from({ length: 200 }, (_, i) => randomBytes((i * 997) % 20_000));
  const body = new ReadableStream({
    start(stream) {
      for (const part of parts) if (part.length > 0) stream.enqueue(part);
      stream.close();
    },
  });
  const init = { method: 'PUT', body, duplex: 'half' } as RequestInit;
  const hash = createHash('sha256').update(Buffer.concat(parts)).digest('hex');
  expect(await (await server.http('/hash', init)).text()).toBe(hash);
});

test('gives the handler an empty body when the request has none', async () => {
  expect(await (await server.http('/echo', { method: 'POST' })).text()).toBe('');
  expect(await (await server.http('/echo', { method: 'DELETE' })).text()).toBe('');
});
