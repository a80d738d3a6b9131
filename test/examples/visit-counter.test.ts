import { afterAll, beforeAll, expect, test } from 'vitest';
import { Client } from '../harness/client.ts';
import { openAtOnce } from '../harness/crowd.ts';
import { startExample } from '../harness/example.ts';
import type { ServerProcess } from '../harness/server-process.ts';

const LOOPS = 3;
const VISITORS = 60;
let server: ServerProcess;

beforeAll(async () => {
  server = await startExample('examples/visit-counter/app.js', LOOPS);
});

afterAll(async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

const ask = (path: string): Promise<Response> => fetch(server.url(path).replace('ws:', 'http:'));

test('gives every visitor a number of its own when they come to all loops at once', async () => {
  const clients = await openAtOnce(server.url('/'), VISITORS);
  const greetings = await Promise.all(
    clients.map(
      async (client) => JSON.parse(String(await client.next())) as { visitor: number; loop: number },
    ),
  );
  const inOrder = greetings.map(({ visitor }) => visitor).sort((a, b) => a - b);
  expect(inOrder).toEqual(Array.from({ length: VISITORS }, (_, i) => i + 1));

  const byLoop = Array.from({ length: LOOPS }, (_, id) => greetings.filter(({ loop }) => loop === id).length);
  expect(Math.min(...byLoop)).toBeGreaterThan(0);
  expect(await (await ask('/stats')).json()).toEqual({ visits: VISITORS, byLoop });
});

test('goes on counting when visitors come by plain HTTP', async () => {
  const before = (await (await ask('/stats')).json()) as { visits: number };
  expect(await (await ask('/')).json()).toMatchObject({ visitor: before.visits + 1 });
  const client = await Client.open(server.url('/'));
  expect(JSON.parse(String(await client.next()))).toMatchObject({ visitor: before.visits + 2 });
  expect((await ask('/none')).status).toBe(404);
});
