import { afterEach, expect, test } from 'vitest';
import { closeCodes, openAtOnce } from '../harness/crowd.ts';
import { openGreeted, openOnEachLoop, openOnLoop } from '../harness/greeting.ts';
import { ServerProcess } from '../harness/server-process.ts';

const LOOPS = 4;
const ACCEPT = ['--accept', 'reuseport', '--workers', String(LOOPS)];
let server: ServerProcess;

afterEach(async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(server.stderr).toBe('');
});

test('serves on every loop, on the port it says, when any port was asked for', async () => {
  server = await ServerProcess.start(...ACCEPT, '--app', 'test/fixtures/which-loop.js');
  expect(server.port).toBeGreaterThan(0);
  const clients = await openOnEachLoop(server.url('/'), LOOPS);
  for (const { client, greeting } of clients.values()) {
    expect(greeting.generation).toBe(1);
    client.send('echo');
    expect(await client.next()).toBe('echo');
  }
});

test('closes every connection with 1001 and refuses new ones when it stops', async () => {
  server = await ServerProcess.start(...ACCEPT);
  const clients = await openAtOnce(server.url('/echo'), 200);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(await closeCodes(clients)).toEqual({ 1001: clients.length });
  await expect(openGreeted(server.url('/'))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('listens again on a loop that was replaced, while the others serve on', async () => {
  server = await ServerProcess.start(...ACCEPT, '--app', 'test/fixtures/faulty.js');
  const clients = await openOnEachLoop(server.url('/'), LOOPS);
  clients.get(2)?.client.send('exit');
  await server.line('loop replaced', (line) => line.loop === 2);
  const { greeting } = await openOnLoop(server.url('/'), 2);
  expect(greeting).toEqual({ loop: 2, generation: 2 });
  for (const [loop, { client }] of clients) {
    if (loop === 2) continue;
    client.send('still here');
    expect(await client.next()).toBe('still here');
  }
});
