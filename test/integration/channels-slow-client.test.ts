import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ChannelServer, take } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';

const MAX_BACKPRESSURE = 256 * 1024;
const LOG_BYTES = 16 * 1024 * 1024;
/** What uWebSockets.js gathers before it hands it to the operating system, which `bufferedAmount` may come to include at once. */
const CORK_BYTES = 16 * 1024;
const LARGE = 50_000;
let server: ChannelServer;
let client: Client;

beforeAll(async () => {
  server = await ChannelServer.start({ workers: 2, logBytes: LOG_BYTES, maxBackpressure: MAX_BACKPRESSURE });
});
afterAll(() => server.close());

beforeEach(async () => {
  client = await server.join('slow');
});
afterEach(() => client.socket.terminate());

const numberOf = (message: string | Buffer): number => Number.parseInt(String(message), 10);

/** Publishes numbered messages, every tenth of them large, until so many bytes were published; gives how many that are. */
const publishBytes = (channel: string, bytes: number, from = 1): Promise<number> =>
  server.run(
    1,
    async ({ loop }, channel, bytes, from, large) => {
      let number = from;
      for (let published = 0; published < bytes; number++) {
        const text = `${number} `.padEnd(number % 10 === 0 ? large : 100, '.');
        while (!loop.publish(channel, text).ok) await new Promise((resolve) => setImmediate(resolve));
        published += text.length;
      }
      return number - from;
    },
    channel,
    bytes,
    from,
    LARGE,
  );

/** Lets the client read one piece of what has arrived each time it comes round. */
function readSlowly({ socket }: Client): void {
  socket.on('message', () => {
    socket.pause();
    setImmediate(() => socket.resume());
  });
}

test('keeps what waits for a client within maxBackpressure, and sends all in order, when it reads slowly', async () => {
  const held = await publishBytes('much', 12 * 1024 * 1024);
  client.socket.pause();
  const result = await server.run(0, ({ loop, member, notes }) => {
    const ws = member('slow');
    const watch = setInterval(() => notes.push(ws.bufferedAmount));
    void ws.onClose.then(() => clearInterval(watch));
    return ws.subscribe('much', { after: { epoch: loop.history('much').epoch, sequence: 0 } });
  });
  expect(result).toMatchObject({ ok: true, sequence: held, missed: held, complete: true });
  const later = await publishBytes('much', 1024 * 1024, held + 1);
  await server.run(0, async ({ member, notes }) => {
    while (member('slow').bufferedAmount === 0) await new Promise((resolve) => setImmediate(resolve));
    notes.push(member('slow').bufferedAmount);
  });
  readSlowly(client);
  client.socket.resume();
  const numbers = (await take(client, held + later)).map(numberOf);
  expect(numbers).toEqual(Array.from({ length: held + later }, (_, i) => i + 1));
  const most = await server.run(0, ({ notes }) => Math.max(...(notes as number[])));
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(MAX_BACKPRESSURE + LARGE + CORK_BYTES);
});

test('delivers to the others at once while a client that does not read catches up', async () => {
  const held = await publishBytes('shared', 4 * 1024 * 1024);
  client.socket.pause();
  const quick = await server.join('quick');
  await server.run(0, ({ loop, member }) => {
    member('slow').subscribe('shared', { after: { epoch: loop.history('shared').epoch, sequence: 0 } });
    member('quick').subscribe('shared');
  });
  const later = await publishBytes('shared', 100_000, held + 1);
  expect((await take(quick, later)).map(numberOf)).toEqual(
    Array.from({ length: later }, (_, i) => held + 1 + i),
  );
  client.socket.resume();
  expect((await take(client, held + later)).map(numberOf)).toEqual(
    Array.from({ length: held + later }, (_, i) => i + 1),
  );
});

test('closes with 1013, after messages without a gap, when the log overtakes a client that reads too slowly', async () => {
  const held = await publishBytes('overtaken', 12 * 1024 * 1024);
  client.socket.pause();
  await server.run(0, ({ loop, member }) =>
    member('slow').subscribe('overtaken', { after: { epoch: loop.history('overtaken').epoch, sequence: 0 } }),
  );
  await publishBytes('overtaken', LOG_BYTES, held + 1);
  client.socket.resume();
  expect((await client.closed).code).toBe(1013);
  const numbers = client.unread.map(numberOf);
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => i + 1));
  expect(numbers.length).toBeLessThan(held);
  expect(await server.subscriberCounts('overtaken')).toEqual([0, 0]);
});
