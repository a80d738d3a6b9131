import { type LoopSnapshot, Server } from 'polyloop';
import { afterEach, expect, test } from 'vitest';
import type { Client } from '../harness/client.ts';
import { openAtOnce, openInTurn } from '../harness/crowd.ts';
import { openGreeted } from '../harness/greeting.ts';
import { heartbeats } from '../harness/heartbeats.ts';
import { until } from '../harness/until.ts';

const LOOPS = 8;
const CONNECTIONS = 800;
const app = new URL('../fixtures/which-loop.js', import.meta.url);
let server: Server;

afterEach(() => server.close());

async function start(placement: 'least-connections' | 'round-robin'): Promise<string> {
  server = await Server.start({
    app,
    workers: LOOPS,
    placement,
    host: '127.0.0.1',
    port: 0,
    adminPort: 0,
    logLevel: 'silent',
  });
  return `ws://127.0.0.1:${server.port}/`;
}

const counts = (): number[] => server.loops().map((loop) => loop.connections);
const total = (): number => counts().reduce((sum, count) => sum + count, 0);

async function expectEvenSpread(
  open: (url: string, count: number) => Promise<Client[]>,
  url: string,
): Promise<void> {
  await open(url, CONNECTIONS);
  await until(() => total() === CONNECTIONS);
  const share = CONNECTIONS / LOOPS;
  for (const count of counts()) {
    expect(count, `counts ${counts()}`).toBeGreaterThanOrEqual(share - 1);
    expect(count, `counts ${counts()}`).toBeLessThanOrEqual(share + 1);
  }
}

test('spreads connections evenly by least-connections when they are opened at once', async () => {
  await expectEvenSpread(openAtOnce, await start('least-connections'));
});

test('spreads connections evenly by least-connections when they are opened one after the other', async () => {
  await expectEvenSpread(openInTurn, await start('least-connections'));
});

test('spreads connections evenly by round-robin when they are opened at once', async () => {
  await expectEvenSpread(openAtOnce, await start('round-robin'));
});

test('spreads connections evenly by round-robin when they are opened one after the other', async () => {
  await expectEvenSpread(openInTurn, await start('round-robin'));
});

test('gives loops back to zero connections and sockets when every client leaves', async () => {
  const clients = await openAtOnce(await start('least-connections'), 100);
  await until(() => total() === clients.length);
  for (const { socket } of clients) socket.close();
  await Promise.all(clients.map((client) => client.closed));
  await until(() => server.loops().every((loop) => loop.connections === 0 && loop.sockets === 0));
  const opened = (loop: LoopSnapshot): number => loop.counters.connectionsOpened;
  await until(() => server.loops().reduce((sum, loop) => sum + opened(loop), 0) === clients.length);
});

test('fills loops again by least-connections when all of their connections have left', async () => {
  const share = 20;
  const emptied = new Set([2, 5]);
  const url = await start('least-connections');
  const all = await Promise.all(Array.from({ length: share * LOOPS }, () => openGreeted(url)));
  const leaving = all.filter(({ greeting }) => emptied.has(greeting.loop));
  for (const { client } of leaving) client.socket.close();
  await until(() => total() === all.length - leaving.length);
  expect(counts().filter((count) => count === 0)).toHaveLength(emptied.size);

  const step = 4;
  for (let opened = 0; opened < leaving.length; opened += step) {
    // The counts are looked at between the steps, as they are when clients come back over minutes.
    await heartbeats(server, 3);
    await openAtOnce(url, Math.min(step, leaving.length - opened));
  }
  await until(() => total() === all.length);
  expect(Math.min(...counts()), `counts ${counts()}`).toBeGreaterThanOrEqual(share - 2);
  expect(Math.max(...counts()), `counts ${counts()}`).toBeLessThanOrEqual(share + 2);
  expect(server.loops().map((loop) => loop.generation)).toEqual(Array(LOOPS).fill(1));
});
