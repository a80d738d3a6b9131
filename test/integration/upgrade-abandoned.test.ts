import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { type HttpAnswer, handshake, RawClient } from '../harness/raw-client.ts';
import { until } from '../harness/until.ts';

const CLIENTS = 500;
const LEAVING = CLIENTS / 2;
const numbers = Array.from({ length: CLIENTS }, (_, n) => n);
const leaves = (n: number): boolean => n % 2 === 1;

let server: FixtureServer;

beforeEach(async () => {
  server = await FixtureServer.start('slow-upgrade-app.js');
});
afterEach(() => server.close());

/** Every client has sent its handshake; none has an answer yet. */
async function openAll(path: string): Promise<RawClient[]> {
  const clients = await Promise.all(numbers.map(() => RawClient.connect(server.port)));
  for (const [n, client] of clients.entries()) client.write(handshake(`${path}/${n}`));
  return clients;
}

function expectRightAnswer(n: number, { status, headers, body }: HttpAnswer): void {
  if (n % 3 === 0) expect([status, headers.get('x-number')]).toEqual([101, String(n)]);
  else if (n % 3 === 1) expect(status).toBe(403);
  else expect([status, body]).toEqual([401, `not you, ${n}`]);
}

async function expectRightAnswers(clients: RawClient[]): Promise<RawClient[]> {
  const accepted: RawClient[] = [];
  const stay = [...clients.entries()].filter(([n]) => !leaves(n));
  await Promise.all(
    stay.map(async ([n, client]) => {
      const answer = await client.answer();
      expectRightAnswer(n, answer);
      if (answer.status !== 101) return;
      accepted.push(client);
      expect((await client.frame()).payload.toString()).toBe(String(n));
    }),
  );
  expect(accepted).toHaveLength(stay.filter(([n]) => n % 3 === 0).length);
  return accepted;
}

async function expectNothingIsLeft(clients: RawClient[]): Promise<void> {
  for (const client of clients) client.leave();
  await until(() => server.connections === 0);
  // What counts them still has its own connection.
  await until(() => server.server.loops().every(({ sockets }) => sockets <= 1));
  expect(server.generations).toEqual([1]);
  expect(await server.total('handlerErrors')).toBe(0);
}

describe('an async shouldUpgrade', () => {
  it('answers the rest, and no count leaks, when half of the clients leave before it decides', async () => {
    const clients = await openAll('/gate');
    await until(async () => (await (await server.http('/waiting')).json()) === CLIENTS);
    expect(server.connections).toBe(0);
    for (const [n, client] of clients.entries()) if (leaves(n)) client.leave();
    await until(async () => (await server.total('upgradesAborted')) === LEAVING);

    await server.http('/open', { method: 'POST' });
    const accepted = await expectRightAnswers(clients);
    expect(server.connections).toBe(accepted.length);
    expect(await server.total('connectionsOpened')).toBe(accepted.length);
    expect(await server.total('upgradesRejected')).toBe(LEAVING - accepted.length);
    expect(await server.total('upgradesAborted')).toBe(LEAVING);
    await expectNothingIsLeft(clients);
  });

  it('answers the rest, and no count leaks, when half of the clients leave at any moment while it decides', async () => {
    const clients = await openAll('/slow');
    for (const [n, client] of clients.entries()) {
      // From at once to about when it decides.
      if (leaves(n)) setTimeout(() => client.leave(), (n / CLIENTS) * 220);
    }
    const accepted = await expectRightAnswers(clients);
    expect(accepted.length).toBeGreaterThan(0);
    await until(async () => (await (await server.http('/waiting')).json()) === 0);
    await expectNothingIsLeft(clients);
  });

  it('harms nobody when every client leaves at once', async () => {
    const clients = await openAll('/gate');
    await until(async () => (await (await server.http('/waiting')).json()) === CLIENTS);
    for (const client of clients) client.leave();
    await until(async () => (await server.total('upgradesAborted')) === CLIENTS);
    await server.http('/open', { method: 'POST' });
    const last = await RawClient.open(server.port, '/gate/0');
    expect((await last.frame()).payload.toString()).toBe('0');
    await expectNothingIsLeft([last]);
  });

  it('is answered 503 when the server closes before it decides', async () => {
    const clients = await Promise.all([0, 1, 2].map(() => RawClient.connect(server.port)));
    for (const client of clients) client.write(handshake('/gate/0'));
    await until(async () => (await (await server.http('/waiting')).json()) === clients.length);
    const closing = server.close();
    for (const client of clients) expect((await client.answer()).status).toBe(503);
    await closing;
  });
});
