/** What only a server does about a client that does not read; the rest is in test/websocket. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('remote-app.js', { maxBackpressure: 256 * 1024 });
});
afterAll(() => server.close());

it('counts the messages that are dropped, and serves its neighbours, when a client does not read', async () => {
  const client = await Client.open(server.url('/remote/slow'));
  client.socket.pause();
  const before = await server.total('messagesDropped');
  await server.run('slow', (ws) => {
    while (ws.send(new Uint8Array(64 * 1024)) !== 'dropped');
    ws.send('dropped too');
  });
  expect(await server.total('messagesDropped')).toBe(before + 2);
  const neighbour = await Client.open(server.url('/echo'));
  neighbour.send('quick');
  expect(await neighbour.next()).toBe('quick');
  for (const { socket } of [client, neighbour]) socket.terminate();
});
