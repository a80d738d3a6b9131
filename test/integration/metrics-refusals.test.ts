/** That every handshake that comes to nothing is counted under its reason, once, and every connection that the server ends. */
import type { ServerOptions } from 'polyloop';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { PrometheusText } from '../../src/metrics/prometheus.ts';
import { Admin } from '../harness/admin.ts';
import { Client, refusal } from '../harness/client.ts';
import { type Family, readExposition, total } from '../harness/exposition.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { freePort } from '../harness/free-port.ts';
import { handshake, RawClient } from '../harness/raw-client.ts';
import { until } from '../harness/until.ts';

let server: FixtureServer;
afterEach(() => server.close());

async function start(options: ServerOptions = {}): Promise<void> {
  server = await FixtureServer.start('counted-app.js', {
    workers: 2,
    adminPort: await freePort(),
    ...options,
  });
}

const byReason = (metrics: readonly Family[], name: string): Record<string, number> => {
  const reasons = metrics
    .find((family) => family.name === name)
    ?.samples.map(({ labels }) => labels.reason ?? '');
  const counts = [...new Set(reasons)].map((reason) => [reason, total(metrics, name, { reason })] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
};

async function counts(name: string): Promise<Record<string, number>> {
  await server.total('upgradesRejected');
  return byReason(await new Admin(server.server.adminPort).metrics(), name);
}

const refusedUpgrades = (): Promise<Record<string, number>> => counts('polyloop_upgrades_refused_total');

async function refusals(path: string, count: number, origin?: string): Promise<number[]> {
  const tries = Array.from({ length: count }, () =>
    refusal(server.url(path), [], origin === undefined ? {} : { origin }),
  );
  return (await Promise.all(tries)).map(({ status }) => status);
}

/** Handshakes that `shouldUpgrade` does not decide. */
async function undecided(count: number): Promise<WebSocket[]> {
  const sockets = Array.from({ length: count }, () =>
    new WebSocket(server.url('/undecided')).on('error', () => {}),
  );
  // Each is a socket of a loop, and there are no others.
  await until(() => server.server.loops().reduce((sum, { sockets }) => sum + sockets, 0) === count);
  return sockets;
}

test('counts each handshake under its reason when the app, its paths or the handshake itself refuse it', async () => {
  await start({ origins: 'https://good.example' });
  expect(await refusals('/refused', 2)).toEqual([403, 403]);
  expect(await refusals('/fails', 3)).toEqual([500, 500, 500]);
  expect(await refusals('/nowhere', 4)).toEqual([404, 404, 404, 404]);
  expect(await refusals('/', 5, 'https://evil.example')).toEqual([403, 403, 403, 403, 403]);
  for (const changes of [
    { 'Sec-WebSocket-Version': '12' },
    { 'Sec-WebSocket-Key': 'short' },
    { Upgrade: null },
  ]) {
    const client = await RawClient.connect(server.port);
    client.write(handshake('/', changes));
    expect((await client.answer()).status).toBeGreaterThanOrEqual(400);
    client.leave();
  }
  await Client.open(server.url('/'));
  expect(await refusedUpgrades()).toEqual({ app: 2, error: 3, unknown_path: 4, origin: 5, invalid: 3 });
});

test('counts a handshake as aborted when its client leaves before shouldUpgrade has decided', async () => {
  await start();
  for (const socket of await undecided(3)) socket.terminate();
  await until(() => server.server.loops().every(({ sockets }) => sockets === 0));
  expect(await refusedUpgrades()).toEqual({ aborted: 3 });
});

test('counts a handshake under its time limit when shouldUpgrade does not decide', async () => {
  await start({ handshakeTimeoutMs: 100 });
  expect(await refusals('/undecided', 3)).toEqual([503, 503, 503]);
  expect(await refusedUpgrades()).toEqual({ handshake_timeout: 3 });
});

test('counts a handshake under draining when the server stops before shouldUpgrade has decided', async () => {
  await start();
  const sockets = await undecided(4);
  const answers = sockets.map(
    (socket) =>
      new Promise((resolve) =>
        socket.once('unexpected-response', (_, { statusCode }) => resolve(statusCode)),
      ),
  );
  await server.close();
  expect(await Promise.all(answers)).toEqual([503, 503, 503, 503]);
  const text = await new PrometheusText(() => server.server.status()).scrape();
  expect(byReason(readExposition(text), 'polyloop_upgrades_refused_total')).toEqual({ draining: 4 });
});

test.each([
  ['max_connections', { maxConnections: 2 }, 503],
  ['max_connections_per_ip', { maxConnectionsPerIp: 2 }, 429],
  ['upgrades_per_second', { upgradesPerSecond: 2 }, 429],
] as const)('counts a handshake under %s when that limit refuses it', async (reason, options, status) => {
  await start(options);
  await Promise.all([Client.open(server.url('/')), Client.open(server.url('/'))]);
  expect(await refusals('/', 3)).toEqual([status, status, status]);
  expect(await refusedUpgrades()).toEqual({ [reason]: 3 });
});

test('counts each connection under its reason when the server ends it', async () => {
  await start({ messagesPerSecond: 1, maxPayload: 1000 });
  const [fast, large, rude] = [
    await Client.open(server.url('/')),
    await Client.open(server.url('/')),
    await RawClient.open(server.port, '/'),
  ];
  for (let i = 0; i < 10; i++) fast.send('x');
  large.send('x'.repeat(1001));
  rude.write(new Uint8Array(20).fill(0xff));
  await Promise.all([fast.closed, large.closed, rude.ended]);
  await until(() => server.connections === 0);
  expect(await counts('polyloop_connections_cut_total')).toEqual({ messages_per_second: 1, protocol: 2 });
  expect(total(await new Admin(server.server.adminPort).metrics(), 'polyloop_messages_too_big_total')).toBe(
    1,
  );
});
