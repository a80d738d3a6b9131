import { afterEach, describe, expect, it } from 'vitest';
import { attempt } from '../harness/attempts.ts';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { handshake, RawClient } from '../harness/raw-client.ts';
import { until } from '../harness/until.ts';

const TIMEOUT_MS = 500;

let server: FixtureServer;
afterEach(() => server.close());

async function start(options: object): Promise<void> {
  server = await FixtureServer.start('limits-app.js', options);
}

const waiting = async (): Promise<number> => (await server.http('/')).json() as Promise<number>;

/** The one place that there is can be had. */
async function expectPlace(): Promise<void> {
  await until(() => server.connections === 0);
  const { client, answer } = await attempt(server.port, '/echo');
  expect(answer.status).toBe(101);
  expect((await attempt(server.port, '/echo')).answer.status).toBe(429);
  client.leave();
  await until(() => server.connections === 0);
}

async function sendUndecided(count: number): Promise<RawClient[]> {
  const before = await waiting();
  const clients = await Promise.all(Array.from({ length: count }, () => RawClient.connect(server.port)));
  for (const client of clients) client.write(handshake('/undecided'));
  await until(async () => (await waiting()) === before + count);
  return clients;
}

describe('the place of a handshake', () => {
  it.each([
    ['is rejected', '/rejected', 403],
    ['is rejected late', '/rejected-late', 401],
    ['fails because shouldUpgrade throws', '/throws', 500],
    ['fails because shouldUpgrade rejects', '/rejects', 500],
    ['fails because shouldUpgrade breaks the contract', '/breaks-the-contract', 500],
    ['is accepted and onUpgrade throws', '/on-upgrade-throws', 101],
    ['is accepted and onUpgrade closes', '/on-upgrade-closes', 101],
    ['times out', '/undecided', 503],
  ])('is given back, once, when it %s', async (_, path, status) => {
    await start({ maxConnectionsPerIp: 1, handshakeTimeoutMs: 200 });
    for (let i = 0; i < 3; i++) {
      const { client, answer } = await attempt(server.port, path);
      expect(answer.status).toBe(status);
      if (status === 101) await client.ended;
      await expectPlace();
    }
  });

  it.each(['/echo', '/late'])(
    'is held until the connection is closed, by either end, when it was accepted: %s',
    async (path) => {
      await start({ maxConnectionsPerIp: 1 });
      for (const close of [
        (client: Client) => client.socket.close(),
        (client: Client) => client.socket.terminate(),
      ]) {
        const client = await Client.open(server.url(path));
        client.send('still here');
        await client.next();
        expect((await attempt(server.port, '/echo')).answer.status).toBe(429);
        close(client);
        await client.closed;
        await expectPlace();
      }
    },
  );

  it('is given back when onUpgrade terminates the connection', async () => {
    await start({ maxConnectionsPerIp: 1 });
    const client = await RawClient.connect(server.port);
    client.write(handshake('/on-upgrade-terminates'));
    await client.ended;
    await expectPlace();
  });

  it('is given back when the client leaves before the decision', async () => {
    await start({ maxConnectionsPerIp: 1 });
    const [client] = await sendUndecided(1);
    expect((await attempt(server.port, '/echo')).answer.status).toBe(429);
    client?.leave();
    await until(async () => (await server.total('upgradesAborted')) === 1);
    await expectPlace();
    // The decision comes too late to give it back again.
    const holder = await Client.open(server.url('/echo'));
    await server.http('/', { method: 'POST' });
    await until(async () => (await waiting()) === 0);
    expect((await attempt(server.port, '/echo')).answer.status).toBe(429);
    holder.socket.terminate();
  });

  it('is given back when its loop is replaced before the decision', async () => {
    await start({ maxConnectionsPerIp: 2 });
    const [undecided] = await sendUndecided(1);
    const faulty = await Client.open(server.url('/echo'));
    faulty.send('throw later');
    expect((await undecided?.answer())?.status).toBe(503);
    await faulty.closed;
    // There is no loop for a moment, and the acceptor says so.
    const opened: Client[] = [];
    await until(async () => {
      const client = await Client.open(server.url('/echo')).catch(() => undefined);
      if (client) opened.push(client);
      return client !== undefined;
    });
    const clients = [...opened, await Client.open(server.url('/echo'))];
    expect((await attempt(server.port, '/echo')).answer.status).toBe(429);
    for (const { socket } of clients) socket.terminate();
  });
});

describe('a shouldUpgrade that does not decide', () => {
  it('ends in 503 after the handshake time, and what it decides later is ignored', async () => {
    await start({ handshakeTimeoutMs: TIMEOUT_MS });
    const startMs = performance.now();
    const { client, answer } = await attempt(server.port, '/undecided');
    expect(performance.now() - startMs).toBeGreaterThan(TIMEOUT_MS - 10);
    expect([answer.status, answer.body]).toEqual([503, 'not decided in time']);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    await client.ended;
    await server.http('/', { method: 'POST' });
    await until(async () => (await waiting()) === 0);
    expect([server.connections, await server.total('connectionsOpened')]).toEqual([0, 0]);
    expect([await server.total('upgradesTimedOut'), await server.total('handlerErrors')]).toEqual([1, 0]);
  });
});
