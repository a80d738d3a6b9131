import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { atBothEnds } from '../harness/both-ends.ts';
import { Opcode } from '../harness/frames.ts';

/** Not a round number, and more than 64 KiB, so that frames with each form of length are allowed. */
const MAX_PAYLOAD = 100_003;
/** Two bytes of UTF-8 each. */
const LETTER = 'ä';

atBothEnds(
  ({ open, side }) => {
    describe('messages of every length', () => {
      const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, MAX_PAYLOAD - 1, MAX_PAYLOAD];

      it.each(lengths)('come whole and go whole when text has %i bytes', async (length) => {
        const connection = await open({ isBare: true });
        await connection.run(({ ws }) => ws.onText((ws, text) => void ws.send(text)));
        const text = LETTER.repeat(length / 2) + 'x'.repeat(length % 2);
        connection.peer.send(text);
        expect((await connection.peer.next()) === text).toBe(true);
      });

      it.each(lengths)('come whole and go whole when binary has %i bytes', async (length) => {
        const connection = await open({ isBare: true });
        await connection.run(({ ws }) => ws.onBinary((ws, bytes) => void ws.send(bytes)));
        const bytes = randomBytes(length);
        connection.peer.send(bytes);
        expect(bytes.equals((await connection.peer.next()) as Buffer)).toBe(true);
      });

      it('may be longer than maxPayload when they are sent', async () => {
        const connection = await open();
        await connection.run(({ ws }, length) => ws.send('x'.repeat(length)), 3 * MAX_PAYLOAD);
        expect(await connection.peer.next()).toHaveLength(3 * MAX_PAYLOAD);
      });
    });

    it('receives messages in order when text, bytes, empty ones and pings are mixed', async () => {
      const connection = await open();
      for (let i = 0; i < 50; i++) {
        connection.peer.send(`${i}`);
        connection.peer.socket.ping(`${i}`);
        connection.peer.send(Buffer.of(i));
        connection.peer.send('');
      }
      expect(await connection.seenInOrder(200)).toEqual(
        Array.from({ length: 50 }, (_, i) => [
          { text: `${i}` },
          { ping: `${i}` },
          { bytes: [i] },
          { text: '' },
        ]).flat(),
      );
    });

    it('receives text unchanged when it has a byte order mark, a null and code points that are no characters', async () => {
      const connection = await open();
      const text = '\ufeff\0\uffff\u{10ffff}';
      connection.peer.send(text);
      expect(await connection.seen()).toEqual({ text });
    });

    it('receives bytes unchanged when they are not UTF-8', async () => {
      const connection = await open();
      connection.peer.send(Uint8Array.of(0xff, 0xc0, 0x80, 0xed, 0xa0));
      expect(await connection.seen()).toEqual({ bytes: [0xff, 0xc0, 0x80, 0xed, 0xa0] });
    });

    describe('a message over maxPayload', () => {
      /** What the limit is called by the package below; only a client says it in a close frame. */
      const seen = {
        server: { reason: 'Received too big message', peer: { code: 1006, reason: '' } },
        client: { reason: 'Max payload size exceeded', peer: { code: 1009, reason: '' } },
      }[side];
      const tooBig = { closed: { code: 1006, reason: seen.reason, wasClean: false } };

      it.each([
        ['text', 'x'.repeat(MAX_PAYLOAD + 1)],
        ['binary', new Uint8Array(MAX_PAYLOAD + 1)],
      ])(
        'ends its connection with the cause in onClose when one byte of %s is too much',
        async (_, message) => {
          const connection = await open();
          connection.peer.send(message);
          expect(await connection.peer.closed).toEqual(seen.peer);
          expect(await connection.seen()).toEqual(tooBig);
        },
      );

      it('ends its connection when only the sum of its fragments is too much', async () => {
        const connection = await open();
        const half = new Uint8Array(Math.ceil(MAX_PAYLOAD / 2));
        connection.write([Opcode.binary, half, { isFinal: false }], [Opcode.continuation, half]);
        expect(await connection.seen()).toEqual(tooBig);
        expect(await connection.peer.closed).toEqual(seen.peer);
      });

      it('ends its connection before the payload has come when the head announces it', async () => {
        const connection = await open();
        const head = Buffer.alloc(side === 'server' ? 14 : 10);
        head.set([0x82, side === 'server' ? 0xff : 0x7f]);
        head.writeBigUInt64BE(2n ** 40n, 2);
        connection.wire.write(head);
        expect(await connection.seen()).toEqual(tooBig);
        expect(await connection.peer.closed).toEqual(seen.peer);
      });

      it('does not keep the messages before it from being received, and lets none behind it through, when they come together', async () => {
        const connection = await open();
        connection.write(
          [Opcode.text, 'first'],
          [Opcode.binary, new Uint8Array(MAX_PAYLOAD + 1)],
          [Opcode.text, 'behind'],
        );
        expect(await connection.seenInOrder(2)).toEqual([{ text: 'first' }, tooBig]);
        await connection.peer.closed;
        expect(await connection.unseen()).toEqual([]);
      });

      it('is told its peer in the same way when the peer has far more on its way', async () => {
        const connection = await open();
        connection.peer.send(new Uint8Array(1000 * MAX_PAYLOAD));
        expect(await connection.peer.closed).toEqual(seen.peer);
        expect(await connection.seen()).toEqual(tooBig);
      });
    });
  },
  { maxPayload: MAX_PAYLOAD },
);
