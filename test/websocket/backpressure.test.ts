import type { SendOutcome } from 'polyloop';
import { describe, expect, it } from 'vitest';
import { atBothEnds } from '../harness/both-ends.ts';
import type { Connection } from '../harness/end.ts';

const MAX_BACKPRESSURE = 256 * 1024;
const MESSAGE_BYTES = 64 * 1024;
/** The longest head of a frame, with its mask. */
const MAX_HEAD_BYTES = 14;

/** Sends numbered messages to a peer that does not read, until one has this outcome; returns every outcome. */
function sendUntil(
  connection: Connection,
  wanted: SendOutcome,
): Promise<{ outcomes: SendOutcome[]; buffered: number }> {
  return connection.run(
    ({ ws }, wanted, length) => {
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

const numberOf = (message: string | Buffer): number => (message as Buffer).readUInt32BE();

atBothEnds(
  ({ open }) => {
    async function openPaused(): Promise<Connection> {
      const connection = await open();
      connection.peer.socket.pause();
      return connection;
    }

    describe('a peer that does not read', () => {
      it('makes send answer sent, then buffered, then dropped when more than maxBackpressure waits', async () => {
        const connection = await openPaused();
        const { outcomes, buffered } = await sendUntil(connection, 'dropped');
        const firstBuffered = outcomes.indexOf('buffered');
        expect(firstBuffered).toBeGreaterThan(0);
        expect(new Set(outcomes.slice(0, firstBuffered))).toEqual(new Set(['sent']));
        expect(new Set(outcomes.slice(firstBuffered, -1))).toEqual(new Set(['buffered']));
        expect(outcomes.at(-1)).toBe('dropped');
        // What is refused is never more than what was above the limit before it.
        expect(buffered).toBeGreaterThan(MAX_BACKPRESSURE);
        expect(buffered).toBeLessThanOrEqual(MAX_BACKPRESSURE + MESSAGE_BYTES + MAX_HEAD_BYTES);
        expect(await connection.run(({ ws }) => ws.droppedMessages)).toBe(1);
      });

      it('gets every message that was not dropped, in order, and onDrain is told once, when it reads again', async () => {
        const connection = await openPaused();
        const { outcomes } = await sendUntil(connection, 'dropped');
        connection.peer.socket.resume();
        for (const [index] of outcomes.slice(0, -1).entries())
          expect(numberOf(await connection.peer.next())).toBe(index);
        expect(await connection.seen()).toEqual({ drained: 0 });
        expect(await connection.run(({ ws }) => [ws.send('again'), ws.bufferedAmount])).toEqual(['sent', 0]);
        expect(await connection.peer.next()).toBe('again');
        await connection.peer.settled();
        expect(await connection.unseen()).toEqual([{ ping: 'settled' }]);
      });

      it('keeps its connection when messages to it are dropped', async () => {
        const connection = await openPaused();
        await sendUntil(connection, 'dropped');
        const seen = await connection.run(({ ws }) => [ws.isClosed, ws.send('x'), ws.droppedMessages]);
        expect(seen).toEqual([false, 'dropped', 2]);
      });

      it('makes ping answer dropped in the end, and keeps its connection, when it is pinged without end', async () => {
        const connection = await openPaused();
        await sendUntil(connection, 'dropped');
        const seen = await connection.run(({ ws }) => {
          const first = ws.ping('one more');
          let pings = 0;
          while (ws.ping(new Uint8Array(125)) !== 'dropped' && pings < 100_000) pings++;
          return { first, isEndless: pings === 100_000, isClosed: ws.isClosed };
        });
        expect(seen).toEqual({ first: 'buffered', isEndless: false, isClosed: false });
      });

      it('still gets the close frame behind what was buffered when the connection is closed', async () => {
        const connection = await openPaused();
        const { outcomes } = await sendUntil(connection, 'buffered');
        await connection.run(({ ws }) => ws.close(4000, 'enough'));
        expect(await connection.run(({ ws }) => ws.bufferedAmount)).toBe(0);
        connection.peer.socket.resume();
        expect(await connection.peer.closed).toEqual({ code: 4000, reason: 'enough' });
        expect(connection.peer.unread.map(numberOf)).toEqual(outcomes.map((_, index) => index));
        expect(await connection.seen()).toEqual({ closed: { code: 4000, reason: 'enough', wasClean: true } });
      });

      it('is given up with what was buffered when the connection is terminated', async () => {
        const connection = await openPaused();
        await sendUntil(connection, 'dropped');
        await connection.run(({ ws }) => ws.terminate());
        expect(await connection.seen()).toEqual({ closed: { code: 1006, reason: '', wasClean: false } });
        expect(await connection.run(({ ws }) => [ws.bufferedAmount, ws.send('x')])).toEqual([0, 'closed']);
        connection.peer.socket.resume();
        expect((await connection.peer.closed).code).toBe(1006);
      });
    });

    it('tells onDrain nothing when nothing was buffered', async () => {
      const connection = await open();
      await connection.run(({ ws }) => ws.send('small'));
      await connection.peer.next();
      connection.peer.socket.close(1000, 'done');
      expect(await connection.seen()).toEqual({ closed: { code: 1000, reason: 'done', wasClean: true } });
    });
  },
  { maxBackpressure: MAX_BACKPRESSURE },
);
