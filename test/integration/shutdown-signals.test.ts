import { expect, test } from 'vitest';
import { openAtOnce } from '../harness/crowd.ts';
import { openOnEachLoop } from '../harness/greeting.ts';
import { ServerProcess } from '../harness/server-process.ts';

const CLEAN_EXIT = { code: 0, signal: null };
const CRASHES: unknown[] = ['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE'];

function startApp(fixture: string, ...flags: string[]): ServerProcess {
  const app = ['--app', `test/fixtures/${fixture}`];
  return new ServerProcess(['--host', '127.0.0.1', '--port', '0', ...app, ...flags]);
}

test.each([
  ['SIGTERM', 'SIGTERM'],
  ['SIGINT', 'SIGINT'],
  ['SIGTERM', 'SIGINT'],
] as const)('exits at once with 130 when %s is followed by %s', async (first, second) => {
  const server = startApp('never-finishes.js', '--workers', '4');
  await server.line('listening');
  const clients = await openAtOnce(server.url('/on-text'), 100);
  server.kill(first);
  await server.line('draining');
  const startMs = performance.now();
  server.kill(second);
  expect(await server.exit).toEqual({ code: 130, signal: null });
  expect(performance.now() - startMs).toBeLessThan(2000);
  expect(server.stderr).toBe('');
  await Promise.all(clients.map((client) => client.closed));
});

test('exits cleanly when SIGTERM comes while loops load the app', async () => {
  const server = startApp('starts-slowly.js', '--workers', '4');
  await server.line('setup begun');
  server.kill('SIGTERM');
  expect(await server.exit).toEqual(CLEAN_EXIT);
  expect(server.stderr).toBe('');
});

test('exits within the drain time when SIGTERM comes while the app never ends its setup', async () => {
  const server = startApp('never-starts.js', '--workers', '2', '--drain-timeout', '1');
  await server.line('setup begun');
  server.kill('SIGTERM');
  expect(await server.exit).toEqual(CLEAN_EXIT);
}, 10_000);

test('exits cleanly after the drain when a loop was busy as SIGTERM came', async () => {
  const server = startApp('faulty.js', '--workers', '4');
  await server.line('listening');
  const clients = await openOnEachLoop(server.url('/'), 4);
  clients.get(1)?.client.send('block');
  server.kill('SIGTERM');
  for (const { client } of clients.values()) expect((await client.closed).code).toBe(1001);
  expect(await server.exit).toEqual(CLEAN_EXIT);
});

test('says which loop is stuck and ends without a crash when a loop never turns again', async () => {
  const server = startApp('faulty.js', '--workers', '4', '--drain-timeout', '1');
  await server.line('listening');
  const clients = await openOnEachLoop(server.url('/'), 4);
  clients.get(1)?.client.send('block forever');
  server.kill('SIGTERM');
  for (const [loop, { client }] of clients) if (loop !== 1) expect((await client.closed).code).toBe(1001);
  const { code, signal } = await server.exit;
  expect(code).not.toBe(0);
  expect(CRASHES).not.toContain(signal);
  expect(server.stderr).toContain('loop 1 is stuck');
});
