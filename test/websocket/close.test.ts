import { describe, expect, it } from 'vitest';
import { atBothEnds } from '../harness/both-ends.ts';
import { closePayload, Opcode } from '../harness/frames.ts';

/** What may appear in a close frame: RFC 6455 section 7.4 and the IANA registry. */
const CODES = [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
];
/** What each side takes from its peer; uWebSockets.js does not take them all (test/integration/uws-limits.test.ts). */
const CODES_TAKEN = { server: CODES.filter((code) => code <= 1011 || code >= 4000), client: CODES };
const LONGEST_REASON = `${'✓'.repeat(40)}123`;

atBothEnds(({ open, side }) => {
  describe('close', () => {
    it.each(CODES)('brings code and reason to both sides when the code is %i', async (code) => {
      const connection = await open();
      await connection.run(({ ws }, code) => ws.close(code, 'því miður'), code);
      expect(await connection.peer.closed).toEqual({ code, reason: 'því miður' });
      expect(await connection.seen()).toEqual({ closed: { code, reason: 'því miður', wasClean: true } });
    });

    it('sends 1000 and no reason when called without arguments', async () => {
      const connection = await open();
      await connection.run(({ ws }) => ws.close());
      expect(await connection.peer.closed).toEqual({ code: 1000, reason: '' });
      expect(await connection.seen()).toEqual({ closed: { code: 1000, reason: '', wasClean: true } });
    });

    it.each([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_536, -1, 1000.5])(
      'throws a RangeError and leaves the connection open when the code is %d',
      async (code) => {
        const connection = await open();
        const attempt = connection.run(({ ws }, code) => ws.close(code), code);
        await expect(attempt).rejects.toThrow(`RangeError: close code ${code} may not be sent`);
        expect(await connection.run(({ ws }) => [ws.isClosed, ws.send('open')])).toEqual([false, 'sent']);
        expect(await connection.peer.next()).toBe('open');
      },
    );

    it('sends a reason whole when it is as long as may be', async () => {
      const connection = await open();
      await connection.run(({ ws }, reason) => ws.close(1000, reason), LONGEST_REASON);
      expect(Buffer.byteLength(LONGEST_REASON)).toBe(123);
      expect(await connection.peer.closed).toEqual({ code: 1000, reason: LONGEST_REASON });
    });

    it.each([
      ['ascii', 'x'.repeat(124), 124],
      ['unicode', '✓'.repeat(42), 126],
    ])(
      'throws a RangeError and leaves the connection open when the %s reason has too many bytes',
      async (_, reason, bytes) => {
        const connection = await open();
        const attempt = connection.run(({ ws }, reason) => ws.close(1000, reason), reason);
        await expect(attempt).rejects.toThrow(`RangeError: close reason has ${bytes} bytes`);
        expect(await connection.run(({ ws }) => ws.isClosed)).toBe(false);
      },
    );

    it('sends a reason that is valid UTF-8 when it holds a lone surrogate', async () => {
      const connection = await open();
      await connection.run(({ ws }) => ws.close(1000, 'a\ud800b'));
      expect(await connection.peer.closed).toEqual({ code: 1000, reason: 'a\ufffdb' });
    });

    it('comes after what was sent before it when that is a large message', async () => {
      const connection = await open();
      await connection.run(({ ws }) => {
        ws.send(new Uint8Array(1_000_000));
        ws.close(4000, 'behind');
      });
      expect(await connection.peer.next()).toHaveLength(1_000_000);
      expect(await connection.peer.closed).toEqual({ code: 4000, reason: 'behind' });
    });

    it('counts and later calls change nothing when it is called again', async () => {
      const connection = await open();
      await connection.run(({ ws }) => {
        ws.close(4000, 'first');
        ws.close(4001, 'second');
      });
      expect(await connection.peer.closed).toEqual({ code: 4000, reason: 'first' });
      expect(await connection.seen()).toEqual({ closed: { code: 4000, reason: 'first', wasClean: true } });
    });

    it('keeps out what the peer sends afterwards', async () => {
      const connection = await open();
      const { peer } = connection;
      // It does not see the close frame, and goes on.
      peer.socket.pause();
      await connection.run(({ ws }) => ws.close(4000));
      connection.write([Opcode.text, 'too late'], [Opcode.binary, 'too late'], [Opcode.ping, 'too late']);
      peer.socket.resume();
      expect(await peer.closed).toMatchObject({ code: 4000 });
      expect(await connection.seen()).toMatchObject({ closed: { code: 4000 } });
      expect(await connection.unseen()).toEqual([]);
    });
  });

  describe('a close frame from the peer', () => {
    it.each(CODES_TAKEN[side])(
      'is answered with its code and shown to onClose when it has code %i',
      async (code) => {
        const connection = await open();
        connection.peer.socket.close(code, 'sjáumst');
        expect(await connection.seen()).toEqual({ closed: { code, reason: 'sjáumst', wasClean: true } });
        expect((await connection.peer.closed).code).toBe(code);
      },
    );

    it('is shown as 1005 without a reason when it has no code', async () => {
      const connection = await open();
      connection.peer.socket.close();
      expect(await connection.seen()).toEqual({ closed: { code: 1005, reason: '', wasClean: true } });
      expect(await connection.peer.closed).toEqual({ code: 1005, reason: '' });
    });

    it('is shown whole when its reason is as long as may be', async () => {
      const connection = await open();
      connection.peer.socket.close(1000, LONGEST_REASON);
      expect(await connection.seen()).toEqual({
        closed: { code: 1000, reason: LONGEST_REASON, wasClean: true },
      });
    });

    it('ends the connection, and what came before it is received, when it comes in one piece with messages', async () => {
      const connection = await open();
      connection.write(
        [Opcode.text, 'one'],
        [Opcode.text, 'two'],
        [Opcode.close, closePayload(4001)],
        [Opcode.text, 'after the close frame'],
      );
      expect(await connection.seenInOrder(3)).toEqual([
        { text: 'one' },
        { text: 'two' },
        { closed: { code: 4001, reason: '', wasClean: true } },
      ]);
      expect(await connection.unseen()).toEqual([]);
      // The TCP connection ends with it.
      await connection.peer.closed;
    });
  });
});
