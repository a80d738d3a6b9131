import { once } from 'node:events';
import type { SendOutcome } from 'polyloop';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';

const MAX_BACKPRESSURE = 256 * 1024;
const MESSAGE_BYTES = 64 * 1024;

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('remote-app.js', { maxBackpressure: MAX_BACKPRESSURE });
});
afterAll(() => server.close());

/** Sends numbered messages to a client that does not read, until one has this outcome; returns every outcome. */
function sendUntil(
  name: string,
  wanted: SendOutcome,
): Promise<{ outcomes: SendOutcome[]; buffered: number }> {
  return server.run(
    name,
    (ws, wanted, length) => {
      const outcomes: SendOutcome[] = [];
      const bytes = new Uint8Array(length);
      while (outcomes.at(-1) !== wanted && outcomes.length < 2000) {
        new DataView(bytes.buffer).setUint32(0, outcomes.length);
        outcomes.push(ws.send(bytes));
      }
      return { outcomes, buffered: ws.bufferedAmount };
    },
    wanted,
    MESSAGE_BYTES,
  );
}

async function openPaused(name: string): Promise<Client> {
  const client = await Client.open(server.url(`/remote/${name}`));
  client.socket.pause();
  return client;
}

const numberOf = (message: string | Buffer): number => (message as Buffer).readUInt32BE();

describe('a client that does not read', () => {
  it('makes send answer sent, then buffered, then dropped when more than maxBackpressure waits', async () => {
    const client = await openPaused('slow');
    const dropped = await server.total('messagesDropped');
    const { outcomes, buffered } = await sendUntil('slow', 'dropped');
    const firstBuffered = outcomes.indexOf('buffered');
    expect(firstBuffered).toBeGreaterThan(0);
    expect(new Set(outcomes.slice(0, firstBuffered))).toEqual(new Set(['sent']));
    expect(new Set(outcomes.slice(firstBuffered, -1))).toEqual(new Set(['buffered']));
    expect(outcomes.at(-1)).toBe('dropped');
    // What is refused is never more than what was above the limit before it.
    expect(buffered).toBeGreaterThan(MAX_BACKPRESSURE);
    expect(buffered).toBeLessThanOrEqual(MAX_BACKPRESSURE + MESSAGE_BYTES + 10);
    expect(await server.total('messagesDropped')).toBe(dropped + 1);
    client.socket.terminate();
  });

  it('gets every message that was not dropped, in order, and onDrain is told once nothing waits when it reads again', async () => {
    const client = await openPaused('resumed');
    const { outcomes } = await sendUntil('resumed', 'dropped');
    client.socket.resume();
    for (const [index] of outcomes.slice(0, -1).entries()) expect(numberOf(await client.next())).toBe(index);
    expect(await server.seen('resumed')).toEqual({ drained: 0 });
    expect(await server.run('resumed', (ws) => [ws.send('again'), ws.bufferedAmount])).toEqual(['sent', 0]);
    expect(await client.next()).toBe('again');
    client.socket.terminate();
  });

  it('keeps its connection, and neighbours are served, when messages to it are dropped', async () => {
    const client = await openPaused('kept');
    await sendUntil('kept', 'dropped');
    const neighbour = await Client.open(server.url('/echo'));
    neighbour.send('quick');
    expect(await neighbour.next()).toBe('quick');
    expect(await server.run('kept', (ws) => [ws.isClosed, ws.send('x')])).toEqual([false, 'dropped']);
    for (const { socket } of [client, neighbour]) socket.terminate();
  });

  it('still gets the close frame behind what was buffered when the server closes', async () => {
    const client = await openPaused('closing');
    const { outcomes } = await sendUntil('closing', 'buffered');
    await server.run('closing', (ws) => ws.close(4000, 'enough'));
    client.socket.resume();
    expect(await client.closed).toEqual({ code: 4000, reason: 'enough' });
    expect(client.unread.map(numberOf)).toEqual(outcomes.map((_, index) => index));
  });

  it('lets go of what was buffered when the server terminates', async () => {
    const client = await openPaused('terminated');
    await sendUntil('terminated', 'dropped');
    await server.run('terminated', (ws) => ws.terminate());
    expect(await server.seen('terminated')).toEqual({ closed: { code: 1006, reason: '', wasClean: false } });
    expect(await server.run('terminated', (ws) => [ws.bufferedAmount, ws.send('x')])).toEqual([0, 'closed']);
    client.socket.resume();
    expect((await client.closed).code).toBe(1006);
  });
});

it('sends nothing to onDrain when nothing was buffered', async () => {
  const client = await Client.open(server.url('/remote/fast'));
  await server.run('fast', (ws) => ws.send('small'));
  await client.next();
  client.socket.close(1000, 'done');
  await once(client.socket, 'close');
  expect(await server.seen('fast')).toEqual({ closed: { code: 1000, reason: 'done', wasClean: true } });
});
