import { afterEach, beforeEach, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { openAtOnce } from '../harness/crowd.ts';
import { FixtureServer } from '../harness/fixture-server.ts';

const LIFETIME_MS = 1000;
const CLIENTS = 100;

let server: FixtureServer;
beforeEach(async () => {
  server = await FixtureServer.start('limits-app.js', { maxLifetimeMs: LIFETIME_MS, workers: 2 });
});
afterEach(() => server.close());

it('closes every connection with 1012 within a tenth of its lifetime, and not all together, when it is over', async () => {
  const startMs = performance.now();
  const clients = await openAtOnce(server.url('/echo'), CLIENTS);
  const openMs = performance.now();
  const closedMs = await Promise.all(
    clients.map(async (client) => {
      expect(await client.closed).toEqual({ code: 1012, reason: 'connection lifetime is over' });
      return performance.now();
    }),
  );
  const [first, last] = [Math.min(...closedMs), Math.max(...closedMs)];
  expect(first - startMs).toBeGreaterThanOrEqual(0.9 * LIFETIME_MS - 1);
  // Of a hundred random moments in a fifth of the lifetime, the outermost are hardly closer than a tenth.
  expect(last - first).toBeGreaterThan(0.1 * LIFETIME_MS);
  expect(last - openMs).toBeGreaterThan(LIFETIME_MS);
  expect(await server.total('lifetimesOver')).toBe(CLIENTS);
});

it('does nothing to a connection that is closed before', async () => {
  const client = await Client.open(server.url('/echo'));
  client.socket.close(1000);
  await client.closed;
  const next = await Client.open(server.url('/echo'));
  expect((await next.closed).code).toBe(1012);
  expect(await server.total('lifetimesOver')).toBe(1);
});
