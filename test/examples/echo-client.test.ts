import { afterAll, beforeAll, expect, test } from 'vitest';
import { ExampleClient } from '../harness/example-client.ts';
import { freePort } from '../harness/free-port.ts';
import { ServerProcess } from '../harness/server-process.ts';

const CLIENT = 'examples/echo-client/client.ts';
let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start('--workers', '1');
});

afterAll(async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('prints what it sent, in order, and ends well when all has come back', async () => {
  const client = new ExampleClient(CLIENT, server.url('/echo'), 'one', 'two', 'drei ä');
  expect(await client.exit).toBe(0);
  expect([client.lines, client.errors]).toEqual([['one', 'two', 'drei ä'], '']);
});

test('says with which status it was refused when the server rejects the upgrade', async () => {
  const client = new ExampleClient(CLIENT, server.url('/deny'));
  expect(await client.exit).toBe(1);
  expect(client.errors).toMatch(/^refused with 403: /);
});

test('says why there is no connection when nobody listens', async () => {
  const client = new ExampleClient(CLIENT, `ws://127.0.0.1:${await freePort()}/`);
  expect(await client.exit).toBe(1);
  expect(client.errors).toMatch(/^CONNECT_REFUSED: cannot connect to ws:/);
});
