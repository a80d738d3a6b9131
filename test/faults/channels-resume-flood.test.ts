import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChannelServer, takeUntil } from '../harness/channel-server.ts';

/** As many as the log holds: each message is a record of one unit of 64 bytes. */
const HELD = 131_072;
const LOG_BYTES = HELD * 64;
/** Several times what a loop delivers in one batch (src/workers/fan-out.ts), and a small part of what the log holds. */
const MOST_PER_TURN = 8192;
/** Of the loop's own memory, for each client that is sent what it missed. Its backlog is not part of that. */
const MOST_BYTES = 256 * 1024;
let server: ChannelServer;

beforeAll(async () => {
  server = await ChannelServer.start({ workers: 1, logBytes: LOG_BYTES });
  await server.run(
    0,
    async ({ loop }, count) => {
      for (let i = 0; i < count; i++) {
        while (!loop.publish('full', 'x'.repeat(36)).ok)
          await new Promise((resolve) => setImmediate(resolve));
      }
    },
    2 * HELD,
  );
});
afterAll(() => server.close());

test('sends a bounded number of messages in each turn of the loop when a client resumes from before a full log', async () => {
  const client = await server.join('resuming');
  const result = await server.run(0, async ({ member }) => {
    const ws = member('resuming');
    const result = ws.subscribe('full', { after: { epoch: 'of another server', sequence: 0 } });
    await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < 3; turn++) {
      ws.send('turn');
      await new Promise((resolve) => setImmediate(resolve));
    }
    return result;
  });
  expect(result).toMatchObject({ ok: true, complete: false, missed: HELD });
  for (let turn = 0; turn < 3; turn++) {
    const sent = await takeUntil(client, 'turn');
    expect(sent.length).toBeLessThan(MOST_PER_TURN);
  }
  client.socket.terminate();
});

test('keeps little for each client when many that do not read resume from before a full log', async () => {
  const count = 20;
  for (let i = 0; i < count; i++) (await server.join(`slow ${i}`)).socket.pause();
  const kept = await server.run(
    0,
    async ({ member, collectGarbage }, count) => {
      const used = (): number => {
        collectGarbage();
        return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
      };
      const before = used();
      for (let i = 0; i < count; i++) {
        member(`slow ${i}`).subscribe('full', { after: { epoch: 'of another server', sequence: 0 } });
        await new Promise((resolve) => setImmediate(resolve));
      }
      return (used() - before) / count;
    },
    count,
  );
  expect(kept).toBeLessThan(MOST_BYTES);
});
