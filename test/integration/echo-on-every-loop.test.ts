import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Greeted, openOnEachLoop } from '../harness/greeting.ts';
import { ServerProcess } from '../harness/server-process.ts';

const LOOPS = 8;
/** Around each change of the length field of a frame (RFC 6455 section 5.2), and the default `maxPayload`. */
const SIZES = [0, 1, 125, 126, 65_535, 65_536];
let server: ServerProcess;
let clients: Map<number, Greeted>;

beforeAll(async () => {
  server = await ServerProcess.start('--workers', String(LOOPS), '--app', 'test/fixtures/which-loop.js');
  clients = await openOnEachLoop(server.url('/'), LOOPS);
});

afterAll(async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('echoes text unchanged on every loop for each form of the length field', async () => {
  for (const { client, greeting } of clients.values()) {
    for (const size of SIZES) {
      const text = randomBytes(size).toString('base64').slice(0, size);
      client.send(text);
      expect(await client.next(), `loop ${greeting.loop}, ${size} bytes`).toBe(text);
    }
  }
});

test('echoes binary unchanged on every loop for each form of the length field', async () => {
  for (const { client, greeting } of clients.values()) {
    for (const size of SIZES) {
      const bytes = randomBytes(size);
      client.send(bytes);
      const echo = await client.next();
      expect(echo, `loop ${greeting.loop}, ${size} bytes`).toBeInstanceOf(Buffer);
      expect(bytes.equals(echo as Buffer), `loop ${greeting.loop}, ${size} bytes`).toBe(true);
    }
  }
});

test('echoes text unchanged on every loop when it has characters of every UTF-8 length', async () => {
  const text = 'aß漢🦉\u0000\u{10FFFF}'.repeat(1000);
  for (const { client } of clients.values()) {
    client.send(text);
    expect(await client.next()).toBe(text);
  }
});

test('keeps the order of messages on every loop when many are under way', async () => {
  const numbers = Array.from({ length: 500 }, (_, i) => String(i));
  await Promise.all(
    [...clients.values()].map(async ({ client }) => {
      for (const number of numbers) client.send(number);
      for (const number of numbers) expect(await client.next()).toBe(number);
    }),
  );
});
