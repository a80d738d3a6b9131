import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket as ClientSocket } from 'ws';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { Opcode } from '../harness/frames.ts';
import { RawClient } from '../harness/raw-client.ts';

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('remote-app.js');
});
afterAll(() => server.close());

async function payloadOf(event: Promise<unknown[]>): Promise<string> {
  const [payload] = (await event) as [Buffer];
  return payload.toString();
}

const nextPing = (socket: ClientSocket): Promise<string> => payloadOf(once(socket, 'ping'));
const nextPong = (socket: ClientSocket): Promise<string> => payloadOf(once(socket, 'pong'));

describe('a ping from the client', () => {
  const longest = 'p'.repeat(125);

  it.each([
    ['has no payload', 'empty', ''],
    ['has a payload', 'some', 'are you there?'],
    ['has the longest payload', 'longest', longest],
  ])('is answered with the same payload and shown to onPing when it %s', async (_, name, payload) => {
    const { socket } = await Client.open(server.url(`/remote/ping-${name}`));
    const pong = nextPong(socket);
    socket.ping(payload);
    expect(await pong).toBe(payload);
    expect(await server.seen(`ping-${name}`)).toEqual({ ping: payload });
    socket.terminate();
  });

  it('is answered also when no onPing is set', async () => {
    const { socket } = await Client.open(server.url('/echo'));
    const pong = nextPong(socket);
    socket.ping('anyone?');
    expect(await pong).toBe('anyone?');
    socket.terminate();
  });

  it('ends that connection when its payload is longer than a control frame may be', async () => {
    const raw = await RawClient.open(server.port, '/remote/ping-too-long');
    raw.send(Opcode.ping, 'p'.repeat(126));
    expect(await server.seen('ping-too-long')).toMatchObject({ closed: { code: 1006, wasClean: false } });
    await raw.ended;
  });
});

describe('ping', () => {
  it.each([
    ['it is left out', 'none', undefined, ''],
    ['it is text', 'text', 'tick ✓', 'tick ✓'],
    ['it is as long as may be', 'longest', 'x'.repeat(125), 'x'.repeat(125)],
  ])('brings its payload to the client and the answer to onPong when %s', async (_, name, given, seen) => {
    const { socket } = await Client.open(server.url(`/remote/pong-${name}`));
    const ping = nextPing(socket);
    const outcome = await server.run(
      `pong-${name}`,
      (ws, payload) => ws.ping(payload ?? undefined),
      given ?? null,
    );
    expect(outcome).toBe('sent');
    expect(await ping).toBe(seen);
    expect(await server.seen(`pong-${name}`)).toEqual({ pong: seen });
    socket.terminate();
  });

  it('takes bytes and views on shared memory', async () => {
    const { socket } = await Client.open(server.url('/remote/pong-bytes'));
    const pings: string[] = [];
    socket.on('ping', (payload: Buffer) => pings.push(payload.toString()));
    await server.run('pong-bytes', (ws) => {
      const shared = new Uint8Array(new SharedArrayBuffer(6));
      shared.set(Buffer.from('shared'));
      ws.ping(Buffer.from('buffer'));
      ws.ping(new DataView(shared.buffer, 1, 3));
      ws.ping(shared);
    });
    for (const payload of ['buffer', 'har', 'shared']) {
      expect(await server.seen('pong-bytes')).toEqual({ pong: payload });
    }
    expect(pings).toEqual(['buffer', 'har', 'shared']);
    socket.terminate();
  });

  it.each([
    ['text', 'ascii', 'x', 126],
    ['text of few characters but many bytes', 'unicode', '✓', 42],
  ])(
    'throws a RangeError and leaves the connection open when the payload is %s over the limit',
    async (_, name, character, count) => {
      const client = await Client.open(server.url(`/remote/${name}-over`));
      const attempt = server.run(`${name}-over`, (ws, text) => ws.ping(text), character.repeat(count));
      await expect(attempt).rejects.toThrow('RangeError: ping payload has 126 bytes');
      expect(await server.run(`${name}-over`, (ws) => ws.send('still here'))).toBe('sent');
      expect(await client.next()).toBe('still here');
      client.socket.terminate();
    },
  );

  it('throws a RangeError when the payload is bytes over the limit', async () => {
    const client = await Client.open(server.url('/remote/bytes-over'));
    const attempt = server.run('bytes-over', (ws) => ws.ping(new Uint8Array(126)));
    await expect(attempt).rejects.toThrow('RangeError: ping payload has 126 bytes');
    client.socket.terminate();
  });
});

it('shows onPong an unsolicited pong', async () => {
  const { socket } = await Client.open(server.url('/remote/unsolicited'));
  socket.pong('heartbeat');
  expect(await server.seen('unsolicited')).toEqual({ pong: 'heartbeat' });
  socket.terminate();
});
