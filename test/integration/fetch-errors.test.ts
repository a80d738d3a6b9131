import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { RawClient } from '../harness/raw-client.ts';

let server: FixtureServer;
beforeAll(async () => {
  server = await FixtureServer.start('http-app.js');
});
afterAll(() => server.close());

let errorsBefore: number;
let witness: RawClient;
beforeEach(async () => {
  errorsBefore = await server.total('handlerErrors');
  witness = await RawClient.connect(server.port);
});

/** Whatever a test did: the loop serves on, also a connection that was open before. */
afterEach(async () => {
  witness.write('GET /text HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect((await witness.answer()).status).toBe(200);
  expect(server.generations).toEqual([1]);
  witness.socket.end();
});

async function statusOf(text: string): Promise<number> {
  const client = await RawClient.connect(server.port);
  client.write(text);
  const { status } = await client.answer();
  client.socket.destroy();
  return status;
}

test.each([
  ['throws', '/throw'],
  ['rejects', '/reject'],
  ['returns something that is no Response', '/no-response'],
])('answers 500 without details, and counts it, when the handler %s', async (_, path) => {
  const response = await server.http(path);
  expect(response.status).toBe(500);
  expect(await response.text()).toBe('internal error');
  expect(await server.total('handlerErrors')).toBe(errorsBefore + 1);
});

test('closes the connection, so that the body is not taken for complete, and counts it, when the stream fails midway', async () => {
  const response = await server.http('/failing-stream');
  expect(response.status).toBe(200);
  await expect(response.arrayBuffer()).rejects.toThrow();
  expect(await server.total('handlerErrors')).toBe(errorsBefore + 1);
});

test('answers 404 when the app has no handler', async () => {
  const bare = await FixtureServer.start('which-loop.js');
  const response = await bare.http('/none');
  expect(response.status).toBe(404);
  await response.text();
  expect((await bare.http('/none', { method: 'POST', body: 'text' })).status).toBe(404);
  await bare.close();
});

test('answers 400 when a request has two lengths, or a length and chunks', async () => {
  const post = (fields: string): Promise<number> =>
    statusOf(`POST /echo HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n\r\nabcdef`);
  expect(await post('Content-Length: 6\r\nContent-Length: 3')).toBe(400);
  expect(await post('Content-Length: 3\r\nContent-Length: 6')).toBe(400);
  expect(await post('Content-Length: 6\r\nTransfer-Encoding: chunked')).toBe(400);
});

test.each([
  ['has a space', 'a b'],
  ['is cut short', '['],
  ['has a path', 'a/b'],
  ['has a user', 'user@a'],
  ['has a fragment', 'a#b'],
  ['has a query', 'a?b'],
  ['has a port that is no number', 'a:port'],
])('answers 400 when the Host header %s', async (_, host) => {
  expect(await statusOf(`GET /request HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).toBe(400);
});

test('answers 400 when there is no Host header, or more than one', async () => {
  expect(await statusOf('GET /request HTTP/1.1\r\nAccept: */*\r\n\r\n')).toBe(400);
  expect(await statusOf('GET /request HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')).toBe(400);
});

test("keeps the Host header's host in the URL when the path begins with two slashes", async () => {
  const client = await RawClient.connect(server.port);
  client.write('GET //elsewhere/request HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const { status } = await client.answer();
  // The app knows no such path; taken for another host, it would be /request, which it knows.
  expect(status).toBe(404);
  client.socket.end();
});

test('answers 400 or closes the connection when what comes is not HTTP', async () => {
  for (const text of ['\0\0\0\0\r\n\r\n', 'GET / HTTP/3.0\r\nHost: a\r\n\r\n']) {
    const client = await RawClient.connect(server.port);
    client.write(text);
    const status = await client.answer().then(
      (answer) => answer.status,
      () => 'closed',
    );
    expect([400, 505, 'closed']).toContain(status);
    client.socket.destroy();
  }
});
