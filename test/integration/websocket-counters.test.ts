import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('remote-app.js');
});
afterAll(() => server.close());

it('counts messages and bytes of both directions, text by its UTF-8 form', async () => {
  const client = await Client.open(server.url('/echo'));
  for (const message of ['four', 'größe', new Uint8Array(10)]) {
    client.send(message);
    await client.next();
  }
  expect(await server.total('messagesIn')).toBe(3);
  expect(await server.total('messagesOut')).toBe(3);
  expect(await server.total('bytesIn')).toBe(4 + 7 + 10);
  expect(await server.total('bytesOut')).toBe(4 + 7 + 10);
  client.socket.terminate();
});
