import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Greeted, openOnEachLoop } from '../harness/greeting.ts';
import { ServerProcess } from '../harness/server-process.ts';

const LOOPS = 4;
const BLOCKED = 2;
const ROUND_TRIPS = 200;
let server: ServerProcess;
let clients: Map<number, Greeted>;

beforeEach(async () => {
  server = await ServerProcess.start('--workers', String(LOOPS), '--app', 'test/fixtures/faulty.js');
  clients = await openOnEachLoop(server.url('/'), LOOPS);
});

afterEach(async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('delays nobody on the other loops while one is blocked', async () => {
  const blocked = clients.get(BLOCKED)?.client;
  blocked?.send('block');
  for (const [loop, { client }] of clients) {
    if (loop === BLOCKED) continue;
    for (let i = 0; i < ROUND_TRIPS; i++) {
      client.send(`round trip ${i}`);
      expect(await client.next()).toBe(`round trip ${i}`);
    }
  }
  // All of that was over before the blocked loop turned again.
  expect(blocked?.unread).toEqual([]);
  expect(await blocked?.next()).toBe('block');
});

test('serves on with the same loop and connection when it is no longer blocked', async () => {
  const blocked = clients.get(BLOCKED)?.client;
  blocked?.send('block');
  blocked?.send('waited meanwhile');
  expect(await blocked?.next()).toBe('block');
  expect(await blocked?.next()).toBe('waited meanwhile');
  blocked?.send('loops');
  const loops = JSON.parse(String(await blocked?.next())) as { generation: number; state: string }[];
  expect(loops.map(({ generation, state }) => ({ generation, state }))).toEqual(
    Array(LOOPS).fill({ generation: 1, state: 'ready' }),
  );
});
