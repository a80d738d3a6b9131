import { expect, test } from 'vitest';
import { ChannelServer, takeUntil } from '../harness/channel-server.ts';
import { until } from '../harness/until.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const LOOPS = 4;
const BLOCKED = 0;
const BUSY_MS = IS_LONG ? 5000 : 500;
const LOG_BYTES = 256 * 1024;
const MESSAGE_BYTES = 500;

/**
 * Allowed: publishes are refused with `log-full` while the loop is busy. Forbidden: another reason, a sequence given to a refused
 * message, a message that is lost, changed, delivered twice or out of order on any loop.
 */
test('refuses what does not fit, and delivers the rest in one order on all loops, when a loop is busy while others publish', async () => {
  const server = await ChannelServer.start({ workers: LOOPS, logBytes: LOG_BYTES });
  const clients = await Promise.all([0, 1, 2, 3].map((loop) => server.join('a', loop)));
  await server.runOnAll(({ member }) => member('a').subscribe('channel'));
  const publishing = [1, 2, 3].map((id) =>
    server.run(
      id,
      async ({ loop, notes }, bytes) => {
        const sequences: number[] = [];
        const refusals: Record<string, number> = {};
        while (notes.length === 0) {
          const text = `${loop.id} ${sequences.length} `.padEnd(bytes, '.');
          const result = loop.publish('channel', text);
          if (result.ok) sequences.push(result.sequence);
          else refusals[result.reason] = (refusals[result.reason] ?? 0) + 1;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        return { sequences, refusals };
      },
      MESSAGE_BYTES,
    ),
  );
  await server.run(
    BLOCKED,
    (_, busyMs) => {
      const endMs = performance.now() + busyMs;
      while (performance.now() < endMs);
    },
    BUSY_MS,
  );
  // Publishing works again.
  const before = published();
  await until(() => published() > before + 100);
  await Promise.all([1, 2, 3].map((loop) => server.run(loop, ({ notes }) => notes.push('stop'))));
  const results = await Promise.all(publishing);
  await until(() => server.run(1, ({ loop }) => loop.publish('channel', 'the end').ok));

  const received = await Promise.all(clients.map((client) => takeUntil(client, 'the end')));
  const count = results.reduce((sum, { sequences }) => sum + sequences.length, 0);
  const expected: string[] = [];
  for (const [index, { sequences }] of results.entries()) {
    for (const [number, sequence] of sequences.entries())
      expected[sequence - 1] = `${index + 1} ${number} `.padEnd(MESSAGE_BYTES, '.');
  }
  expect(expected.length).toBe(count);
  for (const messages of received) expect(messages).toEqual(expected);
  for (const { refusals } of results) expect(Object.keys(refusals)).toEqual(['log-full']);
  console.log(`${count} messages; refused: ${results.map(({ refusals }) => refusals['log-full'])}`);
  await server.close();

  function published(): number {
    return server.server.loops().reduce((sum, { counters }) => sum + counters.published, 0);
  }
}, 60_000);
