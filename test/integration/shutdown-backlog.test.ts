import { expect, test } from 'vitest';
import { Client } from '../harness/client.ts';
import { RawClient } from '../harness/raw-client.ts';
import { ServerProcess } from '../harness/server-process.ts';

const FLOOD = ['--workers', '1', '--app', 'test/fixtures/flood.js'];
const TEXT = 1;

test('is not held beyond the drain time when a client never reads', async () => {
  const drainMs = 2000;
  const server = await ServerProcess.start(...FLOOD, '--drain-timeout', `${drainMs}ms`);
  const idle = await Client.open(server.url('/echo'));
  const deaf = await RawClient.open(server.port, '/flood');
  deaf.socket.pause();
  deaf.send(TEXT, 'go');
  await server.line('backlog');
  const startMs = performance.now();
  server.kill('SIGTERM');
  expect((await idle.closed).code).toBe(1001);
  expect(await server.exit).toEqual({ code: 0, signal: null });
  expect(performance.now() - startMs).toBeLessThan(drainMs);
  deaf.socket.destroy();
});

test('delivers everything that waits, then closes with 1001, when a client reads late', async () => {
  const server = await ServerProcess.start(...FLOOD);
  const client = await Client.open(server.url('/flood'));
  client.socket.pause();
  client.send('go');
  const { sent } = await server.line('backlog');
  server.kill('SIGTERM');
  await server.line('draining');
  client.socket.resume();
  expect((await client.closed).code).toBe(1001);
  expect(client.unread).toHaveLength(Number(sent));
  expect(await server.exit).toEqual({ code: 0, signal: null });
});
