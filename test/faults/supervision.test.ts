/** What the primary does about loops that fail, fill their heap, or do not turn. */
import { expect, test } from 'vitest';
import { openOnEachLoop, openOnLoop } from '../harness/greeting.ts';
import { ServerProcess } from '../harness/server-process.ts';

const AT_FAULT = 0;
const APP = ['--app', 'test/fixtures/supervised.js'];

test('gives up with code 70, after closing connections, when a loop fails more often than it may', async () => {
  const server = await ServerProcess.start('--workers', '2', '--max-restarts', '2', ...APP);
  const clients = await openOnEachLoop(server.url('/'), 2);
  for (let restart = 1; restart <= 3; restart++) {
    const { client } = await openOnLoop(server.url('/'), AT_FAULT);
    client.send('exit');
    await client.closed;
    if (restart < 3)
      await server.line('loop replaced', () => server.lines.filter(isReplaced).length === restart);
  }
  expect((await clients.get(1)?.client.closed)?.code).toBe(1001);
  expect(await server.exit).toEqual({ code: 70, signal: null });
  expect(await server.line('giving up')).toMatchObject({
    level: 60,
    reason: 'loop 0 failed more than 2 times within a minute',
  });
});

const isReplaced = ({ msg }: { msg?: string }): boolean => msg === 'loop replaced';

test('replaces a loop with 1012, and leaves the others alone, when its heap fills', async () => {
  const server = await ServerProcess.start('--workers', '2', '--max-heap', '64MiB', ...APP);
  const clients = await openOnEachLoop(server.url('/'), 2);
  clients.get(AT_FAULT)?.client.send('fill the heap');
  expect(await clients.get(AT_FAULT)?.client.closed).toEqual({ code: 1012, reason: 'loop is restarting' });
  await server.line('heap is nearly full', ({ loop }) => loop === AT_FAULT);
  await server.line('loop replaced', ({ loop }) => loop === AT_FAULT);
  const successor = await openOnLoop(server.url('/'), AT_FAULT);
  expect(successor.greeting.generation).toBe(2);
  clients.get(1)?.client.send('still here');
  expect(await clients.get(1)?.client.next()).toBe('still here');
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('gives a loop no new connections while it does not turn, and takes it back when it does', async () => {
  const server = await ServerProcess.start('--workers', '2', ...APP);
  const clients = await openOnEachLoop(server.url('/'), 2);
  const blocked = clients.get(AT_FAULT)?.client ?? expect.fail('no client');
  blocked.send('block');
  blocked.send('after it');
  expect(await server.line('loop does not turn; it gets no new connections')).toMatchObject({
    level: 40,
    loop: AT_FAULT,
    lastActivity: 'onText',
    connections: 1,
  });
  for (let i = 0; i < 4; i++) {
    const { greeting } = await openOnLoop(server.url('/'), 1);
    expect(greeting.loop).toBe(1);
  }
  await server.line('loop turns again', ({ loop }) => loop === AT_FAULT);
  expect(await blocked.next()).toBe('after it');
  await openOnLoop(server.url('/'), AT_FAULT);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('ends with code 70, and says what the loop did last, when a loop never turns again', async () => {
  const server = await ServerProcess.start('--workers', '2', '--hang-timeout', '3', ...APP);
  const clients = await openOnEachLoop(server.url('/'), 2);
  clients.get(AT_FAULT)?.client.send('block forever');
  expect(await server.exit).toEqual({ code: 70, signal: null });
  const { level, reason } = await server.line('a loop hangs; the process ends');
  expect(level).toBe(60);
  expect(reason).toMatch(/^loop 0 has not turned for 3\d\d\d ms; last activity: onText$/);
});

test('ends with code 130 when a loop is stuck and a second signal comes', async () => {
  const server = await ServerProcess.start('--workers', '2', ...APP);
  const clients = await openOnEachLoop(server.url('/'), 2);
  clients.get(AT_FAULT)?.client.send('block forever');
  server.kill('SIGTERM');
  await server.line('draining');
  server.kill('SIGTERM');
  expect(await server.exit).toEqual({ code: 130, signal: null });
});
