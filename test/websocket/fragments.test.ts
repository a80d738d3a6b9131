import { describe, expect, it } from 'vitest';
import { atBothEnds } from '../harness/both-ends.ts';
import type { FrameParts } from '../harness/end.ts';
import { closePayload, frame, Opcode } from '../harness/frames.ts';

const MORE = { isFinal: false };

atBothEnds(({ open, side }) => {
  /** Writes the frames in one piece and gives the one event that is seen. */
  async function received(...frames: FrameParts[]): Promise<unknown> {
    const connection = await open();
    connection.write(...frames);
    const event = await connection.seen();
    connection.write([Opcode.text, 'the next message']);
    expect(await connection.seen()).toEqual({ text: 'the next message' });
    return event;
  }

  describe('a message in fragments', () => {
    it('is received as one when it is text', async () => {
      const event = await received(
        [Opcode.text, 'one ', MORE],
        [Opcode.continuation, 'two ', MORE],
        [Opcode.continuation, 'three'],
      );
      expect(event).toEqual({ text: 'one two three' });
    });

    it('is received as one when it is binary', async () => {
      const event = await received(
        [Opcode.binary, Uint8Array.of(1, 2), MORE],
        [Opcode.continuation, Uint8Array.of(3)],
      );
      expect(event).toEqual({ bytes: [1, 2, 3] });
    });

    it('is received when some or all of them are empty', async () => {
      const event = await received(
        [Opcode.text, '', MORE],
        [Opcode.continuation, 'x', MORE],
        [Opcode.continuation],
      );
      expect(event).toEqual({ text: 'x' });
      expect(await received([Opcode.text, '', MORE], [Opcode.continuation])).toEqual({ text: '' });
    });

    it('is decoded as a whole when a character is split between them', async () => {
      const bytes = [...Buffer.from('👋🏽')];
      const fragments = bytes.map(
        (byte, index) =>
          [
            index === 0 ? Opcode.text : Opcode.continuation,
            Uint8Array.of(byte),
            { isFinal: index === bytes.length - 1 },
          ] as const,
      );
      expect(await received(...fragments)).toEqual({ text: '👋🏽' });
    });

    it('is received when there are very many of them', async () => {
      const middle = Array.from({ length: 2000 }, () => [Opcode.continuation, 'x', MORE] as const);
      const event = await received([Opcode.text, 'x', MORE], ...middle, [Opcode.continuation, 'x']);
      expect(event).toEqual({ text: 'x'.repeat(2002) });
    });

    it('is received when every byte of it comes alone', async () => {
      const connection = await open();
      const isMasked = side === 'server';
      connection.wire.setNoDelay(true);
      const bytes = Buffer.concat([
        frame(Opcode.text, 'trick', { ...MORE, isMasked }),
        frame(Opcode.ping, 'p', { isMasked }),
        frame(Opcode.continuation, 'led', { isMasked }),
      ]);
      for (const byte of bytes) {
        await new Promise<void>((resolve) => {
          connection.wire.write(Uint8Array.of(byte), () => resolve());
        });
      }
      expect(await connection.seenInOrder(2)).toEqual([{ ping: 'p' }, { text: 'trickled' }]);
    });
  });

  describe('control frames between fragments', () => {
    it('are answered at once and leave the message whole when they are pings', async () => {
      const connection = await open();
      const { peer } = connection;
      const pongs: string[] = [];
      peer.socket.on('pong', (payload) => pongs.push(String(payload)));
      connection.write([Opcode.text, 'be', MORE], [Opcode.ping, 'first']);
      await peer.settled();
      connection.write([Opcode.continuation, 'twe', MORE], [Opcode.ping, 'second'], [Opcode.pong, 'unasked']);
      await peer.settled();
      expect(pongs).toEqual(['first', 'settled', 'second', 'settled']);
      connection.write([Opcode.continuation, 'en']);
      expect(await connection.seenInOrder(6)).toEqual([
        { ping: 'first' },
        { ping: 'settled' },
        { ping: 'second' },
        { pong: 'unasked' },
        { ping: 'settled' },
        { text: 'between' },
      ]);
    });

    it('end the connection and the unfinished message is not received when it is a close', async () => {
      const connection = await open();
      connection.write([Opcode.text, 'never fin', MORE], [Opcode.close, closePayload(1000)]);
      expect(await connection.seen()).toEqual({ closed: { code: 1000, reason: '', wasClean: true } });
      expect(await connection.unseen()).toEqual([]);
    });
  });
});
