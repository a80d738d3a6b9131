import { expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { RawClient } from '../harness/raw-client.ts';

/** The least that is accepted. */
const IDLE_TIMEOUT_MS = 8000;

it('drops a client with the cause in onClose, and no other, when it answers no ping for the idle timeout', async () => {
  const server = await FixtureServer.start('remote-app.js', { idleTimeoutMs: IDLE_TIMEOUT_MS });
  // This one answers pings.
  const neighbour = await Client.open(server.url('/echo'));
  const silent = await RawClient.open(server.port, '/remote/silent');
  const closed = { code: 1006, reason: 'WebSocket timed out from inactivity', wasClean: false };
  expect(await server.seen('silent')).toEqual({ closed });
  await silent.ended;
  expect(await server.total('idleTimeouts')).toBe(1);
  neighbour.send('still here');
  expect(await neighbour.next()).toBe('still here');
  neighbour.socket.terminate();
  await server.close();
});
