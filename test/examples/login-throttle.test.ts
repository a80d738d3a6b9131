import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClientOptions } from 'ws';
import { Client, refusal } from '../harness/client.ts';
import { startExample } from '../harness/example.ts';
import type { ServerProcess } from '../harness/server-process.ts';

const LOOPS = 3;
const PER_NAME = 5;
const PER_ADDRESS = 20;
let server: ServerProcess;

beforeEach(async () => {
  server = await startExample('examples/login-throttle/app.js', LOOPS);
});

afterEach(async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

const basic = (credentials: string): ClientOptions => ({
  headers: { authorization: `Basic ${btoa(credentials)}` },
});

const login = (credentials: string): Promise<Client> =>
  Client.open(server.url('/account'), [], basic(credentials));

const refused = (credentials: string): ReturnType<typeof refusal> =>
  refusal(server.url('/account'), [], basic(credentials));

/** How many of the tries, all made at once, got which status. */
async function statuses(tries: string[]): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const { status } of await Promise.all(tries.map(refused))) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const times = (count: number, credentials: (i: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => credentials(i));

test('lets a user in, on any loop, when the password is right', async () => {
  const greetings = new Set<string>();
  for (let i = 0; i < PER_NAME; i++) greetings.add(String(await (await login('ada:lovelace')).next()));
  expect(greetings.size).toBeGreaterThan(1);
  for (const greeting of greetings) expect(greeting).toMatch(/^Welcome ada, on loop \d$/);
});

test('refuses tries for a name, right ones too, when there were too many on all loops together', async () => {
  expect(await statuses(times(PER_NAME + 4, (i) => `ada:wrong ${i}`))).toEqual({ 401: PER_NAME, 429: 4 });
  const { status, headers, body } = await refused('ADA:lovelace');
  expect({ status, body }).toEqual({ status: 429, body: 'too many tries' });
  expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60);
});

test('lets another name in when one has been tried too often', async () => {
  await statuses(times(PER_NAME + 1, () => 'grace:wrong'));
  expect(String(await (await login('ada:lovelace')).next())).toMatch(/^Welcome ada/);
});

test('refuses tries from an address when there were too many for all names together', async () => {
  const tries = times(PER_ADDRESS + 5, (i) => `user ${i}:wrong`);
  expect(await statuses(tries)).toEqual({ 401: PER_ADDRESS, 429: 5 });
  expect((await refused('ada:lovelace')).status).toBe(429);
});

test('asks who is there, and takes nothing from a budget, when nobody is named', async () => {
  for (let i = 0; i < PER_ADDRESS + 1; i++) {
    const { status, headers } = await refusal(server.url('/account'));
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toMatch(/^Basic realm=/);
  }
  await login('ada:lovelace');
});
