/** How each loop is doing, as `server.loops()` tells it: wake-ups, utilization, heap, and what waits for slow clients. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChannelServer } from '../harness/channel-server.ts';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { RawClient } from '../harness/raw-client.ts';
import { until } from '../harness/until.ts';

const KIB = 1024;
const MAX_BACKPRESSURE = 4 * KIB * KIB;
/** More than the kernel takes for a client on the same machine. */
const FLOOD = 16 * KIB * KIB;

describe('a loop', () => {
  let server: FixtureServer;
  beforeEach(async () => {
    server = await FixtureServer.start('remote-app.js', { maxBackpressure: MAX_BACKPRESSURE });
  });
  afterEach(() => server.close());

  const vitals = () => {
    const [loop] = server.server.loops();
    if (loop === undefined) throw new Error('there is no loop');
    return loop;
  };

  /** Sends a connection more than anybody takes who does not read. */
  const flood = (name: string): Promise<void> =>
    server.run(
      name,
      (ws, bytes) => {
        for (let sent = 0; sent < bytes; sent += 65_536) ws.send(new Uint8Array(65_536));
      },
      FLOOD,
    );

  it('tells what waits and for how many while a client does not read, and that nothing does when it has read', async () => {
    const slow = await RawClient.open(server.port, '/remote/slow');
    await Client.open(server.url('/remote/quick'));
    slow.socket.pause();
    await flood('slow');
    await until(() => vitals().backlogs === 1);
    expect(vitals().bufferedBytes).toBeGreaterThan(KIB);
    expect(vitals().bufferedBytes).toBeLessThanOrEqual(2 * MAX_BACKPRESSURE);
    slow.socket.resume();
    await until(() => vitals().backlogs === 0);
    expect(vitals().bufferedBytes).toBe(0);
  });

  it('forgets what waits when the slow client has left', async () => {
    const slow = await RawClient.open(server.port, '/remote/slow');
    slow.socket.pause();
    await flood('slow');
    await until(() => vitals().backlogs === 1);
    slow.leave();
    await until(() => vitals().backlogs === 0 && vitals().bufferedBytes === 0);
  });

  it('is utilized when it is busy, and is not when it waits', async () => {
    await until(() => vitals().utilization > 0 && vitals().utilization < 0.5);
    await Client.open(server.url('/remote/a'));
    // In pieces, so that heartbeats come in between.
    await server.run('a', (ws) => {
      ws.data = setInterval(() => {
        const endMs = performance.now() + 45;
        while (performance.now() < endMs);
      }, 1);
    });
    await until(() => vitals().utilization > 0.8);
    expect(vitals().utilization).toBeLessThanOrEqual(1);
    await server.run('a', (ws) => clearInterval(ws.data as NodeJS.Timeout));
    await until(() => vitals().utilization < 0.5);
  });

  it('tells its heap, which grows with what its app keeps', async () => {
    await Client.open(server.url('/remote/a'));
    await until(() => vitals().heapUsedBytes > 0);
    const { heapUsedBytes: before, heapLimitBytes } = vitals();
    expect(heapLimitBytes).toBeGreaterThan(before);
    await server.run('a', (ws) => {
      ws.data = Array.from({ length: 1_000_000 }, (_, i) => i + 0.5);
    });
    await until(() => vitals().heapUsedBytes > before + 4 * KIB * KIB);
  });
});

it('tells the limit of the heap that was asked for', async () => {
  const maxHeapBytes = 64 * KIB * KIB;
  const server = await FixtureServer.start('remote-app.js', { maxHeapBytes });
  await until(() => server.server.loops()[0]?.heapLimitBytes === maxHeapBytes);
  await server.close();
});

it('counts how often the doorbell woke a loop, and only those with subscribers', async () => {
  const server = await ChannelServer.start({ workers: 2 });
  await server.join('listener', 1);
  await server.run(1, ({ member }) => void member('listener').subscribe('news'));
  const wakeUps = () => server.server.loops().map(({ counters }) => counters.wakeUps);
  const [before = 0, beforeListening = 0] = wakeUps();
  for (let i = 0; i < 5; i++) {
    server.server.publish('news', 'x');
    await until(() => (server.server.loops()[1]?.counters.deliveries ?? 0) > i);
  }
  await until(() => (wakeUps()[1] ?? 0) >= beforeListening + 5);
  expect(wakeUps()[0]).toBe(before);
  await server.close();
});
