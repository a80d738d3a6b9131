/** What only a server's connection has; the rest is in test/websocket. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { until } from '../harness/until.ts';

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('remote-app.js');
});
afterAll(() => server.close());

it.each([
  ['the server closed', 'closed', (client: Client) => client.closed],
  ['the client left', 'left', async (client: Client) => client.socket.terminate()],
])('keeps its address and loop, and is counted no more, when %s', async (_, name, end) => {
  const client = await Client.open(server.url(`/remote/gone-${name}`));
  if (name === 'closed') await server.run('gone-closed', (ws) => ws.close());
  await end(client);
  await server.seen(`gone-${name}`);
  const seen = await server.run(`gone-${name}`, ({ remoteAddress, loopId }) => ({ remoteAddress, loopId }));
  expect(seen).toEqual({ remoteAddress: '127.0.0.1', loopId: 0 });
  await until(() => server.connections === 0);
});

it('counts no handler error and replaces no loop when connections end in all these ways', async () => {
  expect(await server.total('handlerErrors')).toBe(0);
  expect(server.generations).toEqual([1]);
});
