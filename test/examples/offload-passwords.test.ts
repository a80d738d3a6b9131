import { afterAll, beforeAll, expect, test } from 'vitest';
import { Client } from '../harness/client.ts';
import { openAtOnce } from '../harness/crowd.ts';
import { startExample } from '../harness/example.ts';
import type { ServerProcess } from '../harness/server-process.ts';

let server: ServerProcess;

beforeAll(async () => {
  server = await startExample('examples/offload-passwords/app.js', 2);
});

afterAll(async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

async function ask(client: Client, request: object): Promise<string> {
  client.send(JSON.stringify(request));
  return String(await client.next());
}

test('knows a password again, on any loop, and no other', async () => {
  const ada = { name: 'ada', password: 'correct horse' };
  const clients = await openAtOnce(server.url('/'), 4);
  const [first] = clients;
  if (!first) throw new Error('nobody is there');
  expect(await ask(first, { do: 'register', ...ada })).toBe('registered');
  expect(await ask(first, { do: 'register', ...ada })).toBe('taken');
  for (const client of clients) {
    expect(await ask(client, { do: 'login', ...ada })).toBe('welcome');
    expect(await ask(client, { do: 'login', ...ada, password: 'battery' })).toBe('refused');
  }
  expect(await ask(first, { do: 'login', name: 'bob', password: '' })).toBe('refused');
});

test('registers one of those who want the same name at once', async () => {
  const clients = await openAtOnce(server.url('/'), 6);
  const answers = await Promise.all(
    clients.map((client, n) => ask(client, { do: 'register', name: 'eve', password: `password ${n}` })),
  );
  expect(answers.sort()).toEqual(['registered', ...new Array<string>(5).fill('taken')]);
});

test('answers the second request first when the first one takes long', async () => {
  const client = await Client.open(server.url('/'));
  client.send(JSON.stringify({ do: 'register', name: 'slow', password: 'poke' }));
  client.send(JSON.stringify({ do: 'ping' }));
  expect([String(await client.next()), String(await client.next())]).toEqual(['pong', 'registered']);
});
