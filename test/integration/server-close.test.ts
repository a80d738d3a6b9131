import { Server } from 'polyloop';
import { expect, test } from 'vitest';
import { Client } from '../harness/client.ts';
import { closeCodes, openAtOnce } from '../harness/crowd.ts';

const options = {
  app: new URL('../fixtures/which-loop.js', import.meta.url),
  workers: 2,
  host: '127.0.0.1',
  port: 0,
  adminPort: 0,
  logLevel: 'silent',
} as const;

const url = (server: Server): string => `ws://127.0.0.1:${server.port}/`;

test('closes connections with 1001, ends every loop and resolves onClose when closed', async () => {
  const server = await Server.start(options);
  const clients = await openAtOnce(url(server), 10);
  let isClosed = false;
  void server.onClose.then(() => {
    isClosed = true;
  });
  const closing = server.close();
  expect(isClosed).toBe(false);
  await closing;
  await server.onClose;
  expect(await closeCodes(clients)).toEqual({ 1001: clients.length });
  for (const loop of server.loops())
    expect(loop).toMatchObject({ state: 'ended', connections: 0, sockets: 0 });
});

test('waits for the same stop when closed twice, and again when closed later', async () => {
  const server = await Server.start(options);
  const client = await Client.open(url(server));
  await Promise.all([server.close(), server.close()]);
  expect((await client.closed).code).toBe(1001);
  await server.close();
  await server.onClose;
});

test('listens on the same port again when a server with connections was closed on it', async () => {
  const free = await Server.start(options);
  const { port } = free;
  await free.close();
  for (let i = 0; i < 5; i++) {
    const server = await Server.start({ ...options, port });
    expect(server.port).toBe(port);
    const client = await Client.open(url(server));
    await server.close();
    expect((await client.closed).code).toBe(1001);
    await expect(Client.open(url(server))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  }
});

test('listens again on the port it was given when it had asked for any', async () => {
  const first = await Server.start(options);
  const client = await Client.open(url(first));
  await first.close();
  await client.closed;
  const second = await Server.start({ ...options, port: first.port });
  expect(second.port).toBe(first.port);
  await second.close();
});

test('leaves the other server alone when one of two in a process is closed', async () => {
  const [first, second] = await Promise.all([Server.start(options), Server.start(options)]);
  const [left, right] = await Promise.all([Client.open(url(first)), Client.open(url(second))]);
  await right.next();
  await first.close();
  expect((await left.closed).code).toBe(1001);
  right.send('still here');
  expect(await right.next()).toBe('still here');
  await Client.open(url(second));
  await second.close();
});

test('reports every loop as ready with its id and first generation when started', async () => {
  const server = await Server.start({ ...options, workers: 4 });
  expect(server.port).toBeGreaterThan(0);
  expect(server.loops().map(({ id, state, generation }) => ({ id, state, generation }))).toEqual(
    [0, 1, 2, 3].map((id) => ({ id, state: 'ready', generation: 1 })),
  );
  await server.close();
});
