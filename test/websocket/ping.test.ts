import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { atBothEnds } from '../harness/both-ends.ts';
import { Opcode } from '../harness/frames.ts';

async function next(socket: WebSocket, event: 'ping' | 'pong'): Promise<string> {
  const [payload] = (await once(socket, event)) as [Buffer];
  return payload.toString();
}

atBothEnds(({ open, side }) => {
  describe('a ping from the peer', () => {
    it.each([
      ['has no payload', ''],
      ['has a payload', 'are you there?'],
      ['has the longest payload', 'p'.repeat(125)],
    ])('is answered with the same payload and shown to onPing when it %s', async (_, payload) => {
      const connection = await open();
      const pong = next(connection.peer.socket, 'pong');
      connection.peer.socket.ping(payload);
      expect(await pong).toBe(payload);
      expect(await connection.seen()).toEqual({ ping: payload });
    });

    it('is answered also when no callback is set', async () => {
      const { peer } = await open({ isBare: true });
      const pong = next(peer.socket, 'pong');
      peer.socket.ping('anyone?');
      expect(await pong).toBe('anyone?');
    });

    it('is answered also when it is one of many that come together', async () => {
      const connection = await open();
      const pongs: string[] = [];
      connection.peer.socket.on('pong', (payload) => pongs.push(String(payload)));
      connection.write(...Array.from({ length: 40 }, (_, i) => [Opcode.ping, `${i}`] as const));
      await connection.peer.settled();
      expect(pongs).toEqual([...Array.from({ length: 40 }, (_, i) => `${i}`), 'settled']);
    });

    it('does not hold up a connection when it is one of very many: a client drops it, a server answers', async () => {
      const connection = await open({ isBare: true });
      await connection.run(({ ws, post }) => {
        ws.onText((_, text) => post(text));
        void ws.onClose.then(({ code }) => post(code));
      });
      connection.write(...Array.from({ length: 1000 }, () => [Opcode.ping] as const));
      if (side === 'server') connection.write([Opcode.text, 'behind']);
      expect(await connection.seen()).toBe(side === 'server' ? 'behind' : 1006);
    });

    it('ends that connection when its payload is longer than a control frame may be', async () => {
      const connection = await open();
      connection.write([Opcode.ping, 'p'.repeat(126)]);
      expect(await connection.seen()).toMatchObject({ closed: { code: 1006, wasClean: false } });
      await connection.peer.closed;
    });
  });

  describe('ping', () => {
    it.each([
      ['it is left out', undefined, ''],
      ['it is text', 'tick ✓', 'tick ✓'],
      ['it is as long as may be', 'x'.repeat(125), 'x'.repeat(125)],
    ])('brings its payload to the peer and the answer to onPong when %s', async (_, given, seen) => {
      const connection = await open();
      const ping = next(connection.peer.socket, 'ping');
      const outcome = await connection.run(({ ws }, payload) => ws.ping(payload ?? undefined), given ?? null);
      expect(outcome).toBe('sent');
      expect(await ping).toBe(seen);
      expect(await connection.seen()).toEqual({ pong: seen });
    });

    it('takes bytes and views on shared memory', async () => {
      const connection = await open();
      const pings: string[] = [];
      connection.peer.socket.on('ping', (payload: Buffer) => pings.push(payload.toString()));
      await connection.run(({ ws }) => {
        const shared = new Uint8Array(new SharedArrayBuffer(6));
        shared.set(Buffer.from('shared'));
        ws.ping(Buffer.from('buffer'));
        ws.ping(new DataView(shared.buffer, 1, 3));
        ws.ping(shared);
      });
      const payloads = ['buffer', 'har', 'shared'];
      expect(await connection.seenInOrder(3)).toEqual(payloads.map((pong) => ({ pong })));
      expect(pings).toEqual(payloads);
    });

    it.each([
      ['text', 'x', 126],
      ['text of few characters but many bytes', '✓', 42],
    ])(
      'throws a RangeError and leaves the connection open when the payload is %s over the limit',
      async (_, character, count) => {
        const connection = await open();
        const attempt = connection.run(({ ws }, text) => ws.ping(text), character.repeat(count));
        await expect(attempt).rejects.toThrow('RangeError: ping payload has 126 bytes');
        expect(await connection.run(({ ws }) => ws.send('still here'))).toBe('sent');
        expect(await connection.peer.next()).toBe('still here');
      },
    );

    it('throws a RangeError when the payload is bytes over the limit', async () => {
      const connection = await open();
      const attempt = connection.run(({ ws }) => ws.ping(new Uint8Array(126)));
      await expect(attempt).rejects.toThrow('RangeError: ping payload has 126 bytes');
    });
  });

  it('shows onPong an unsolicited pong', async () => {
    const connection = await open();
    connection.peer.socket.pong('heartbeat');
    expect(await connection.seen()).toEqual({ pong: 'heartbeat' });
  });
});
