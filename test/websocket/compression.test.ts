import { describe, expect, it } from 'vitest';
import { atBothEnds } from '../harness/both-ends.ts';

const MAX_PAYLOAD = 100_003;

atBothEnds(
  ({ open, side }) => {
    it('has permessage-deflate negotiated', async () => {
      const { peer } = await open();
      expect(peer.socket.extensions).toBe('permessage-deflate');
    });

    it('brings text and bytes both ways, compressed or not, in the order of the calls', async () => {
      const connection = await open();
      const { peer } = connection;
      const outcomes = await connection.run(({ ws }) => {
        const outcomes = new Set<string>();
        for (let i = 0; i < 50; i++) {
          outcomes.add(ws.send(`text ${i} `.repeat(20), { compress: i % 2 === 0 }));
          outcomes.add(ws.send(new Uint8Array(1000).fill(i), { compress: i % 3 === 0 }));
          outcomes.add(ws.send(''));
        }
        return [...outcomes];
      });
      // A client compresses on another thread: what it sends is kept until then.
      if (side === 'server') expect(outcomes).toEqual(['sent']);
      else expect(outcomes).toContain('buffered');
      for (let i = 0; i < 50; i++) {
        expect(await peer.next()).toBe(`text ${i} `.repeat(20));
        expect(await peer.next()).toEqual(Buffer.alloc(1000, i));
        expect(await peer.next()).toBe('');
      }
      for (let i = 0; i < 50; i++) {
        peer.socket.send(`text ${i} `.repeat(20), { compress: i % 2 === 0 });
        peer.socket.send(Buffer.alloc(10, i), { compress: i % 3 === 0 });
        peer.socket.send('');
      }
      const seen = (await connection.seenInOrder(150 + (side === 'client' ? 1 : 0))).filter(
        (event) => JSON.stringify(event) !== '{"drained":0}',
      );
      expect(seen).toEqual(
        Array.from({ length: 50 }, (_, i) => [
          { text: `text ${i} `.repeat(20) },
          { bytes: Array(10).fill(i) },
          { text: '' },
        ]).flat(),
      );
    });

    it('leaves the bytes to the caller, who may change them once send or ping has returned', async () => {
      const connection = await open();
      const { peer } = connection;
      const pings: string[] = [];
      peer.socket.on('ping', (payload) => pings.push(String(payload)));
      await connection.run(({ ws }) => {
        const bytes = new Uint8Array(2000);
        for (let i = 1; i <= 3; i++) ws.send(bytes.fill(i));
        const payload = Buffer.from('ping');
        ws.ping(payload);
        ws.send(bytes.fill(4), { compress: false });
        ws.send(bytes.fill(65).buffer, { binary: false });
        bytes.fill(9);
        payload.fill(9);
      });
      for (let i = 1; i <= 4; i++) expect(await peer.next()).toEqual(Buffer.alloc(2000, i));
      expect(await peer.next()).toBe('A'.repeat(2000));
      expect(pings).toEqual(['ping']);
    });

    it('sends a message, and the close frame behind it, when close is called at once', async () => {
      const connection = await open();
      await connection.run(({ ws }) => {
        ws.send('x'.repeat(100_000));
        ws.close(4000, 'behind');
      });
      expect(await connection.peer.closed).toEqual({ code: 4000, reason: 'behind' });
      expect(connection.peer.unread).toEqual(['x'.repeat(100_000)]);
    });

    it('ends the connection, and gives nothing of it to a callback, when a message inflates to more than maxPayload', async () => {
      const connection = await open();
      connection.peer.send('x'.repeat(MAX_PAYLOAD));
      expect(await connection.seen()).toEqual({ text: 'x'.repeat(MAX_PAYLOAD) });
      connection.peer.send('x'.repeat(100 * MAX_PAYLOAD));
      expect(await connection.seen()).toMatchObject({ closed: { code: 1006, wasClean: false } });
      expect(await connection.unseen()).toEqual([]);
    });
  },
  { compression: true, maxPayload: MAX_PAYLOAD },
);

describe('without compression', () => {
  atBothEnds(({ open }) => {
    it('has no extension negotiated', async () => {
      expect((await open()).peer.socket.extensions).toBe('');
    });
  });
});
