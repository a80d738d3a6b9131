/** A process of its own: what goes wrong here would take the whole process. */
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { handshake, RawClient } from '../harness/raw-client.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const APP = fileURLToPath(new URL('../fixtures/decided-elsewhere-app.js', import.meta.url));
const WAITING = 6;

let server: ServerProcess;

beforeEach(async () => {
  server = await ServerProcess.start('--workers', '1', '--app', APP);
});
afterEach(() => server.stop());

const http = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${server.port}${path}`);

/** Handshakes that the app has seen and not decided. */
async function openWaiting(): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: WAITING }, () => RawClient.connect(server.port)));
  for (const [n, client] of clients.entries()) client.write(handshake(`/wait/${n}`));
  await until(async () => (await (await http('/waiting')).json()) === WAITING);
  return clients;
}

async function expectDecided(clients: RawClient[], by: string): Promise<void> {
  for (const [n, client] of clients.entries()) {
    const { status } = await client.answer();
    expect([n, status]).toEqual([n, n % 2 === 0 ? 101 : 403]);
    if (status === 101) expect((await client.frame()).payload.toString()).toBe(`decided by ${by}`);
    client.leave();
  }
}

describe('an async shouldUpgrade', () => {
  it('completes the right handshakes when the handshake of another client decides them', async () => {
    const clients = await openWaiting();
    const partner = await Client.open(server.url('/partner'));
    expect(await partner.next()).toBe('partner');
    await expectDecided(clients, 'a partner');
    partner.socket.terminate();
  });

  it('completes the right handshakes when a plain request decides them', async () => {
    const clients = await openWaiting();
    expect((await http('/open')).status).toBe(200);
    await expectDecided(clients, 'a request');
  });

  it('completes the right handshakes when a message on a connection decides them', async () => {
    const remote = await Client.open(server.url('/remote'));
    const clients = await openWaiting();
    remote.send('a message');
    await expectDecided(clients, 'a message');
    remote.socket.terminate();
  });

  it('leaves the server able to serve when all of that happened before', async () => {
    for (let round = 0; round < 3; round++) {
      const clients = await openWaiting();
      expect((await http('/open')).status).toBe(200);
      await expectDecided(clients, 'a request');
    }
    const partner = await Client.open(server.url('/partner'));
    expect(await partner.next()).toBe('partner');
    partner.socket.terminate();
  });
});
