import { afterEach, beforeEach, expect, it } from 'vitest';
import { attempt } from '../harness/attempts.ts';
import { Client } from '../harness/client.ts';
import { handshake, RawClient } from '../harness/raw-client.ts';
import { type LogLine, ServerProcess } from '../harness/server-process.ts';

let server: ServerProcess;
beforeEach(async () => {
  server = await ServerProcess.start(
    ...['--app', 'test/fixtures/limits-app.js', '--workers', '1', '--handshake-timeout', '200ms'],
    ...['--max-connections-per-ip', '2', '--messages-per-second', '10'],
    ...['--max-payload', '1KiB', '--max-channels-per-connection', '1'],
  );
});
afterEach(() => server.stop());

const lineOf = (limit: string): Promise<LogLine> =>
  server.line('limit reached', (line) => line.limit === limit);

it('writes one line at level warn for each limit, with the address, when it is reached', async () => {
  const client = await Client.open(server.url('/echo'));
  client.send('subscribe');
  const undecided = await RawClient.connect(server.port);
  undecided.write(handshake('/undecided'));
  expect((await undecided.answer()).status).toBe(503);
  const second = await Client.open(server.url('/echo'));
  for (let i = 0; i < 5; i++) expect((await attempt(server.port, '/echo')).answer.status).toBe(429);
  client.send('x'.repeat(2000));
  for (let i = 0; i < 50; i++) second.send('x');
  for (const limit of [
    'maxChannelsPerConnection',
    'handshakeTimeoutMs',
    'maxConnectionsPerIp',
    'maxPayload',
    'messagesPerSecond',
  ])
    expect(await lineOf(limit)).toMatchObject({ level: 40, loop: 0, address: '127.0.0.1', count: 1 });
  await Promise.all([client.closed, second.closed]);
  expect(server.lines.filter(({ msg }) => msg === 'limit reached')).toHaveLength(5);
});
