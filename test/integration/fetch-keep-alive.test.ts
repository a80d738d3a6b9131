import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { RawClient } from '../harness/raw-client.ts';
import { until } from '../harness/until.ts';

let server: FixtureServer;
let agent: Agent;
let acceptedBefore: number;
beforeAll(async () => {
  server = await FixtureServer.start('http-app.js');
});
beforeEach(() => {
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  acceptedBefore = accepted();
});
afterEach(() => agent.destroy());
afterAll(() => server.close());

const accepted = (): number => server.server.loops()[0]?.accepted ?? 0;
const sockets = (): number => server.server.loops()[0]?.sockets ?? 0;

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** One exchange on the one connection of the agent, unless another is given. */
async function ask(method: string, path: string, body?: Buffer, through = agent): Promise<Answer> {
  const asking = request({ port: server.port, host: '127.0.0.1', method, path, agent: through });
  asking.end(body);
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

test('answers HEAD with the status and length that GET has, and no body, when the handler declares a length', async () => {
  for (let i = 0; i < 3; i++) {
    const { status, headers, body } = await ask('HEAD', '/declared');
    expect({ status, length: headers['content-length'], body }).toEqual({
      status: 200,
      length: '12',
      body: '',
    });
  }
  expect(accepted() - acceptedBefore).toBe(1);
});

test('answers HEAD with the length that GET has or none, and no body, when the handler declares no length', async () => {
  for (let i = 0; i < 3; i++) {
    const { status, headers, body } = await ask('HEAD', '/text');
    expect({ status, body }).toEqual({ status: 200, body: '' });
    expect([undefined, '11']).toContain(headers['content-length']);
  }
});

test('sends no body and no length when the status is 204 or 304', async () => {
  for (const code of [204, 304, 204]) {
    const { status, headers, body } = await ask('GET', `/status?${code}`);
    expect({ status, body }).toEqual({ status: code, body: '' });
    expect(headers).not.toHaveProperty('content-length');
    expect(headers).not.toHaveProperty('transfer-encoding');
  }
  expect(accepted() - acceptedBefore).toBe(1);
});

test('closes the connection after the answer when the client asks for that', async () => {
  for (const path of ['HEAD /declared', 'HEAD /text', 'GET /text', 'GET /status?204', 'GET /chunks?3']) {
    const client = await RawClient.connect(server.port);
    client.write(`${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    await client.ended;
  }
});

test('answers the next request on a connection when the handler did not read the body of the one before', async () => {
  const body = Buffer.alloc(4 * 1024 * 1024, 'x');
  expect(await ask('POST', '/ignore-body', body)).toMatchObject({ status: 200, body: 'did not read it' });
  expect(await ask('GET', '/declared')).toMatchObject({ status: 200, body: 'twelve bytes' });
});

/** A limit of uWebSockets.js (docs/platform-limits.md): it answers requests one by one, or not at all. */
test('ends the connection and mixes no answers when requests do not wait for the answers before them', async () => {
  const client = await RawClient.connect(server.port);
  const waits = [30, 0, 10];
  client.write(waits.map((ms) => `GET /delayed?ms=${ms} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''));
  await expect(client.answer()).rejects.toThrow('the connection ended');
});

test('serves requests one after the other on one connection when the client keeps it', async () => {
  for (let i = 0; i < 100; i++) {
    expect(await ask('GET', `/delayed?ms=0&${i}`)).toMatchObject({ status: 200, body: `?ms=0&${i}` });
  }
  expect(accepted() - acceptedBefore).toBe(1);
});

test('holds no sockets and forgets no request when thousands came one after the other', async () => {
  const kept = 8000;
  const closed = 2000;
  await server.close();
  server = await FixtureServer.start('http-app.js');
  const requestsBefore = await server.total('httpRequests');
  for (let i = 0; i < kept; i++) await ask('GET', '/declared');
  expect(sockets()).toBe(1);
  agent.destroy();
  const closing = new Agent({ keepAlive: false });
  for (let i = 0; i < closed; i++) await ask('GET', '/declared', undefined, closing);
  await until(() => sockets() === 0);
  expect(await server.total('httpRequests')).toBe(requestsBefore + kept + closed);
  expect(accepted()).toBe(1 + closed);
});
