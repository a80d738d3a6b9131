import { afterEach, expect, it } from 'vitest';
import { accepted, attempt, attemptAtOnce, leaveAll, statuses } from '../harness/attempts.ts';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { handshake, RawClient } from '../harness/raw-client.ts';
import { until } from '../harness/until.ts';

const LOOPS = 4;
const LIMIT = 20;

let server: FixtureServer;
afterEach(() => server.close());

it.each([
  ['from one address', { maxConnectionsPerIp: LIMIT }, 429],
  ['in total', { maxConnections: LIMIT }, 503],
] as const)(
  'has the places of a loop again, and no others, when the loop ends with its connections open: %s',
  async (_, options, status) => {
    server = await FixtureServer.start('limits-app.js', { workers: LOOPS, ...options });
    const first = await Client.open(server.url('/echo'));
    const clients = accepted(await attemptAtOnce(server.port, '/echo', LIMIT));
    expect(clients).toHaveLength(LIMIT - 1);
    expect((await attempt(server.port, '/echo')).answer.status).toBe(status);

    first.send('exit');
    await first.closed;
    await until(() => server.generations.some((generation) => generation > 1));
    await until(() => server.server.loops().every(({ state }) => state === 'ready'));
    const left = server.connections;
    expect(left).toBeLessThan(LIMIT);
    const attempts = await attemptAtOnce(server.port, '/echo', 2 * LIMIT);
    expect(statuses(attempts)).toEqual({ 101: LIMIT - left, [status]: LIMIT + left });
    leaveAll([...clients, ...accepted(attempts)]);
    await until(() => server.connections === 0);
    expect(statuses(await attemptAtOnce(server.port, '/echo', 2 * LIMIT))).toEqual({
      101: LIMIT,
      [status]: LIMIT,
    });
  },
);

it('has the place of a handshake again when the loop ends within shouldUpgrade', async () => {
  // While one is replaced, the other serves.
  server = await FixtureServer.start('limits-app.js', { workers: 2, maxConnectionsPerIp: 2 });
  for (let ended = 1; ended <= 2; ended++) {
    const client = await RawClient.connect(server.port);
    client.write(handshake('/exits'));
    await client.ended;
    await until(() => server.generations.reduce((sum, generation) => sum + generation) === 2 + ended);
  }
  // A loop is ready a moment before the acceptor knows it.
  await until(async () => (await server.http('/')).status !== 503);
  const attempts = await attemptAtOnce(server.port, '/echo', 4);
  expect(statuses(attempts)).toEqual({ 101: 2, 429: 2 });
  leaveAll(accepted(attempts));
});
