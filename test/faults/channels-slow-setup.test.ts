import { expect, test } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { Gate } from '../harness/gate.ts';
import { openOnEachLoop, openOnLoop } from '../harness/greeting.ts';
import { until } from '../harness/until.ts';

const LOG_BYTES = 64 * 1024;
const MESSAGE = 'x'.repeat(1000);

test('holds up no publisher on another loop while the setup of a replaced loop takes long', async () => {
  const gate = new Gate();
  const server = await FixtureServer.start('channels-slow-setup.js', { workers: 2, logBytes: LOG_BYTES });
  const clients = await openOnEachLoop(server.url('/'), 2);
  const publisher = clients.get(0)?.client;
  clients.get(1)?.client.send('exit');
  await gate.arrived();
  for (let bytes = 0; bytes < 4 * LOG_BYTES; bytes += MESSAGE.length) {
    publisher?.send(MESSAGE);
    expect(JSON.parse(String(await publisher?.next()))).toMatchObject({ ok: true });
    expect(await publisher?.next()).toBe(MESSAGE);
  }
  gate.open();
  await until(() => server.server.loops()[1]?.state === 'ready');
  const { client, greeting } = await openOnLoop(server.url('/'), 1);
  expect(greeting).toEqual({ loop: 1, generation: 2 });
  publisher?.send('the end');
  expect(await client.next()).toBe('the end');
  await server.close();
});
