import { expect, test } from 'vitest';
import { ControlledLoops } from '../harness/channel-server.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const LOOPS = 3;

test('drains and exits with 0 when loops publish as fast as they can and slow clients catch up', async () => {
  const server = await ServerProcess.start(
    ...['--workers', String(LOOPS), '--app', 'test/fixtures/channels-app.js'],
    ...['--log-bytes', '4MiB', '--drain-timeout', '3s'],
  );
  const loops = await new ControlledLoops((path) => server.url(path)).connect(LOOPS);
  const clients = await Promise.all(
    [0, 1, 2].flatMap((loop) => [loops.join('quick', loop), loops.join('slow', loop)]),
  );
  await loops.runOnAll(({ loop, member, notes }) => {
    for (let i = 0; i < 1000; i++) loop.publish('channel', 'x'.repeat(1000));
    member('quick').subscribe('channel');
    // Until the thread ends, whatever becomes of the connections.
    setInterval(() => {
      for (let i = 0; i < 20; i++) loop.publish('channel', 'x'.repeat(100));
      notes.length = 1;
    });
  });
  for (const [index, { socket }] of clients.entries()) if (index % 2 === 1) socket.pause();
  await loops.runOnAll(({ member }) =>
    member('slow').subscribe('channel', { after: { epoch: 'of another server', sequence: 0 } }),
  );
  await until(async () =>
    (await loops.runOnAll(({ notes }) => notes.length)).every((length) => length === 1),
  );
  const exit = server.stop();
  for (const [index, { closed }] of clients.entries())
    if (index % 2 === 0) expect((await closed).code).toBe(1001);
  expect(await exit).toEqual({ code: 0, signal: null });
  expect(server.stderr).toBe('');
  expect(server.torn).toEqual([]);
});
