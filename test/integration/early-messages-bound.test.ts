import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { openWaiting, release } from '../harness/waiting-client.ts';

const MAX_PAYLOAD = 4096;

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('early-app.js', { maxPayload: MAX_PAYLOAD });
});
afterAll(() => server.close());

describe('the memory that waiting messages may take', () => {
  it('is enough for one message of maxPayload', async () => {
    const client = await openWaiting(server, 'async', 'largest');
    client.send('x'.repeat(MAX_PAYLOAD));
    await client.settled();
    await release(server, 'largest');
    expect(await server.seenInOrder('largest', 2)).toEqual([
      'onUpgrade is over',
      { text: 'x'.repeat(MAX_PAYLOAD) },
    ]);
    client.socket.terminate();
  });

  it.each([
    ['large', 'x'.repeat(MAX_PAYLOAD / 2), 3],
    ['empty', '', MAX_PAYLOAD],
  ])(
    'is bounded: the connection is closed with 1008 when too many %s messages come',
    async (kind, message, count) => {
      const name = `flood-${kind}`;
      const client = await openWaiting(server, 'async', name);
      for (let i = 0; i < count; i++) client.send(message);
      expect((await client.closed).code).toBe(1008);
      expect(await server.seen(name)).toMatchObject({ code: 1008 });
      await release(server, name);
      expect(await server.seen(name)).toBe('onUpgrade is over');
      expect(await server.unseen(name)).toEqual([]);
    },
  );
});

describe('an onUpgrade that ends without a callback', () => {
  it('loses no message when a callback is set later', async () => {
    const client = await openWaiting(server, 'later', 'timer');
    client.send('one');
    client.send(Uint8Array.of(2));
    await client.settled();
    await release(server, 'timer');
    client.send('three');
    expect(await server.seenInOrder('timer', 3)).toEqual([
      { text: 'one' },
      { bytes: [2] },
      { text: 'three' },
    ]);
    client.socket.terminate();
  });

  it('keeps its connection open, and counts what nobody reads, when a chatty client sends far more than may wait', async () => {
    const client = await Client.open(server.url('/push-only/chatty'));
    expect(await client.next()).toBe('pushed');
    const before = await server.total('messagesUnread');
    const count = 50;
    for (let i = 0; i < count; i++) client.send('x'.repeat(MAX_PAYLOAD / 2));
    await client.settled();
    expect(await server.total('messagesUnread')).toBe(before + count);
    expect(await server.unseen('chatty')).toEqual([]);
    client.socket.close(1000);
    expect(await server.seen('chatty')).toEqual({ code: 1000, reason: '' });
  });
});
