import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Client } from '../harness/client.ts';
import { ServerProcess } from '../harness/server-process.ts';

const EXAMPLE = 'examples/hono/app.js';
let server: ServerProcess;

/** Starts the example with the arguments of its own run line. */
beforeAll(async () => {
  const [, args] = /Run: node dist\/server\.js (.+)/.exec(readFileSync(EXAMPLE, 'utf8')) ?? [];
  expect(args).toBe(`--app ${EXAMPLE}`);
  server = new ServerProcess(args?.split(' ') ?? [], { PORT: '0', POLYLOOP_WORKERS: '2' });
  await server.line('listening');
});

afterAll(async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

const ask = (path: string, init?: RequestInit): Promise<Response> =>
  fetch(server.url(path).replace('ws:', 'http:'), init);

test('answers routes with parameters, through the middleware', async () => {
  const response = await ask('/hello/world');
  expect(response.status).toBe(200);
  const { hello, loop } = (await response.json()) as { hello: string; loop: number };
  expect(hello).toBe('world');
  expect(response.headers.get('x-loop')).toBe(String(loop));
  expect(await (await ask('/')).text()).toBe('<h1>Hono on Polyloop</h1>');
});

test('reads the body of a request', async () => {
  expect(await (await ask('/upper', { method: 'POST', body: 'loud' })).text()).toBe('LOUD');
});

test('streams a response', async () => {
  const numbers = Array.from({ length: 1000 }, (_, i) => `${i + 1}\n`).join('');
  expect(await (await ask('/count/1000')).text()).toBe(numbers);
});

test('answers HEAD without a body where there is a route for GET', async () => {
  const response = await ask('/', { method: 'HEAD' });
  expect(response.status).toBe(200);
  expect(await response.text()).toBe('');
});

test("answers with the app's own page when there is no route", async () => {
  const response = await ask('/none');
  expect(response.status).toBe(404);
  expect(await response.json()).toEqual({ error: 'not found' });
});

test('serves WebSocket connections beside it', async () => {
  const client = await Client.open(server.url('/chat'));
  expect(await client.next()).toMatch(/^Connected to loop [01]$/);
  client.send('hello');
  expect(await client.next()).toBe('hello');
});
