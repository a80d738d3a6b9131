import { expect, test } from 'vitest';
import { openAtOnce } from '../harness/crowd.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { openGreeted, openOnEachLoop } from '../harness/greeting.ts';
import { heartbeats } from '../harness/heartbeats.ts';
import { until } from '../harness/until.ts';

test('fills a loop again by least-connections, and keeps its totals, when it was replaced', async () => {
  const loops = 4;
  const share = 20;
  const atFault = 3;
  const server = await FixtureServer.start('faulty.js', { workers: loops });
  const url = server.url('/');
  const clients = await Promise.all(Array.from({ length: loops * share }, () => openGreeted(url)));
  const victims = clients.filter(({ greeting }) => greeting.loop === atFault);
  const opened = (): number => server.server.loops()[atFault]?.counters.connectionsOpened ?? 0;
  await until(() => opened() === victims.length);
  victims[0]?.client.send('throw in a timer');
  for (const { client } of victims) expect((await client.closed).code).toBe(1011);
  await until(() => server.server.loops()[atFault]?.state === 'ready');
  expect(server.generations).toEqual([1, 1, 1, 2]);

  const step = 4;
  for (let i = 0; i < victims.length; i += step) {
    await heartbeats(server.server, 3);
    await openAtOnce(url, Math.min(step, victims.length - i));
  }
  const counts = (): number[] => server.server.loops().map((loop) => loop.connections);
  await until(() => server.connections === clients.length);
  for (const count of counts()) expect(Math.abs(count - share), `counts ${counts()}`).toBeLessThanOrEqual(2);
  await until(() => opened() >= 2 * victims.length - 2);
  await server.close();
});

test('starts no thread anew when the server is closed while a loop waits to be replaced', async () => {
  const server = await FixtureServer.start('faulty.js', { workers: 2 });
  const clients = await openOnEachLoop(server.url('/'), 2);
  clients.get(0)?.client.send('exit');
  await clients.get(0)?.client.closed;
  await server.close();
  expect((await clients.get(1)?.client.closed)?.code).toBe(1001);
  expect(server.server.loops().map(({ state }) => state)).toEqual(['ended', 'ended']);
});
