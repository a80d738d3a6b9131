import { describe, expect, it } from 'vitest';
import { atBothEnds } from '../harness/both-ends.ts';
import { Opcode } from '../harness/frames.ts';

atBothEnds(({ open, side }) => {
  it('calls back with the connection itself', async () => {
    const connection = await open({ isBare: true });
    await connection.run(({ ws, post }) => {
      const tell = (given: unknown): void => post(given === ws);
      ws.onText(tell);
      ws.onBinary(tell);
      ws.onPing(tell);
      ws.onPong(tell);
    });
    const { peer } = connection;
    peer.send('text');
    peer.send(new Uint8Array(1));
    peer.socket.ping();
    peer.socket.pong();
    expect(await connection.seenInOrder(4)).toEqual([true, true, true, true]);
  });

  it('calls only the last callback of each kind when one is set again', async () => {
    const connection = await open();
    await connection.run(({ ws, post }) => {
      ws.onText((_, text) => post(`new ${text}`));
      ws.onBinary((_, bytes) => post(`new ${bytes.length}`));
      ws.onPing(() => post('new ping'));
      ws.onPong(() => post('new pong'));
    });
    const { peer } = connection;
    peer.send('text');
    peer.send(new Uint8Array(3));
    peer.socket.ping();
    peer.socket.pong();
    expect(await connection.seenInOrder(4)).toEqual(['new text', 'new 3', 'new ping', 'new pong']);
    expect(await connection.unseen()).toEqual([]);
  });

  it('calls onMessage alone, with the whole of each message and no more, when it is set beside the others', async () => {
    const connection = await open();
    await connection.run(({ ws, post }) =>
      ws.onMessage((_, message, isBinary) =>
        post([message instanceof ArrayBuffer, Buffer.from(message).toString(), isBinary]),
      ),
    );
    connection.write(
      [Opcode.text, 'ä'],
      [Opcode.binary, 'bytes'],
      [Opcode.text, ''],
      [Opcode.binary, 'x'.repeat(99)],
    );
    expect(await connection.seenInOrder(4)).toEqual([
      [true, 'ä', false],
      [true, 'bytes', true],
      [true, '', false],
      [true, 'x'.repeat(99), true],
    ]);
    expect(await connection.unseen()).toEqual([]);
  });

  it('gives onBinary, onPing and onPong bytes to keep, which nothing changes later', async () => {
    const connection = await open({ isBare: true });
    await connection.run(({ ws }) => {
      const kept: Uint8Array[] = [];
      ws.data = kept;
      const keep = (_: unknown, bytes: Uint8Array): void => void kept.push(bytes);
      ws.onBinary(keep);
      ws.onPing(keep);
      ws.onPong(keep);
    });
    const { peer } = connection;
    for (let i = 0; i < 40; i++) {
      peer.send(Buffer.alloc(100, i));
      peer.socket.ping(Buffer.alloc(100, i));
      peer.socket.pong(Buffer.alloc(100, i));
    }
    await peer.settled();
    const seen = await connection.run(({ ws }) =>
      (ws.data as Uint8Array[]).slice(0, 120).map((bytes) => {
        const [first, ...others] = bytes;
        const isWhole = bytes.length === 100 && bytes.buffer.byteLength === 100;
        return isWhole && others.every((byte) => byte === first) ? first : 'changed';
      }),
    );
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => [i, i, i]).flat());
  });

  it('gives onMessage a buffer that the server takes back, and a client does not, when the call is over', async () => {
    const connection = await open({ isBare: true });
    await connection.run(({ ws, post }) => {
      ws.onMessage((_, message) => {
        setImmediate(() => post(message.byteLength));
      });
    });
    connection.peer.send('four');
    expect(await connection.seen()).toBe(side === 'server' ? 0 : 4);
  });

  it('goes on with the next message before the promise of a callback is settled', async () => {
    const connection = await open({ isBare: true });
    await connection.run(({ ws, post }) => {
      let release = (): void => {};
      const second = new Promise<void>((resolve) => {
        release = resolve;
      });
      ws.onText(async (_, text) => {
        post(`started ${text}`);
        if (text === 'two') release();
        await second;
        post(`ended ${text}`);
      });
    });
    connection.peer.send('one');
    connection.peer.send('two');
    expect(await connection.seenInOrder(4)).toEqual(['started one', 'started two', 'ended one', 'ended two']);
  });

  it('takes no notice of what a callback returns when it is no promise', async () => {
    const connection = await open({ isBare: true });
    await connection.run(({ ws, post }) => {
      const values = [5, 'text', null, false, {}];
      ws.onText(((_: unknown, text: string) => {
        post(text);
        return values.shift();
      }) as never);
    });
    for (let i = 0; i < 6; i++) connection.peer.send(`${i}`);
    expect(await connection.seenInOrder(6)).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(await connection.run(({ ws }) => ws.isClosed)).toBe(false);
  });

  describe('messages that come before their callback is set', () => {
    it('are received in order, in none of the calls that set callbacks, when all are set', async () => {
      const connection = await open({ isBare: true });
      const { peer } = connection;
      for (let i = 0; i < 20; i++) {
        peer.send(`${i}`);
        peer.send(Buffer.of(i));
      }
      peer.send('');
      await peer.settled();
      await connection.run(({ ws, post }) => {
        ws.onText((_, text) => post({ text }));
        ws.onBinary((_, bytes) => post({ bytes: [...bytes] }));
        post('callbacks are set');
      });
      peer.send('last');
      expect(await connection.seenInOrder(43)).toEqual([
        'callbacks are set',
        ...Array.from({ length: 20 }, (_, i) => [{ text: `${i}` }, { bytes: [i] }]).flat(),
        { text: '' },
        { text: 'last' },
      ]);
    });

    it('are received by onMessage when that is set', async () => {
      const connection = await open({ isBare: true });
      connection.write([Opcode.text, 'one'], [Opcode.binary, 'two'], [Opcode.text, 'three']);
      await connection.peer.settled();
      await connection.run(({ ws, post }) =>
        ws.onMessage((_, message, isBinary) => post([Buffer.from(message).toString(), isBinary])),
      );
      expect(await connection.seenInOrder(3)).toEqual([
        ['one', false],
        ['two', true],
        ['three', false],
      ]);
    });

    it('hold up nothing when there is a callback for the other kind only', async () => {
      const connection = await open({ isBare: true });
      connection.peer.send(Uint8Array.of(1));
      connection.peer.send('wanted');
      await connection.peer.settled();
      await connection.run(({ ws, post }) => ws.onText((_, text) => post({ text })));
      expect(await connection.seen()).toEqual({ text: 'wanted' });
      connection.peer.send(Uint8Array.of(3));
      connection.peer.send('also wanted');
      expect(await connection.seen()).toEqual({ text: 'also wanted' });
    });

    it('are still received when the peer has closed meanwhile', async () => {
      const connection = await open({ isBare: true });
      connection.peer.send('last words');
      connection.peer.socket.close(1000);
      await connection.run(({ ws }) => ws.onClose);
      await connection.run(({ ws, post }) => ws.onText((_, text) => post({ text })));
      expect(await connection.seen()).toEqual({ text: 'last words' });
    });

    it.each(['close', 'terminate'] as const)(
      'are not received any more when %s was called',
      async (member) => {
        const connection = await open({ isBare: true });
        connection.peer.send('too early');
        await connection.peer.settled();
        await connection.run(async ({ ws, post }, member) => {
          ws[member]();
          ws.onText((_, text) => post({ text }));
          await ws.onClose;
        }, member);
        expect(await connection.unseen()).toEqual([]);
      },
    );

    it('stop coming when the callback closes the connection at the first', async () => {
      const connection = await open({ isBare: true });
      for (const text of ['one', 'two', 'three']) connection.peer.send(text);
      await connection.peer.settled();
      await connection.run(({ ws, post }) =>
        ws.onText((ws, text) => {
          post({ text });
          ws.close(4000, 'one is enough');
        }),
      );
      expect(await connection.peer.closed).toEqual({ code: 4000, reason: 'one is enough' });
      await connection.run(({ ws }) => ws.onClose);
      expect(await connection.seen()).toEqual({ text: 'one' });
      expect(await connection.unseen()).toEqual([]);
    });
  });

  it('receives nothing more when the callback closes at the first of several messages that come together', async () => {
    const connection = await open({ isBare: true });
    await connection.run(({ ws, post }) =>
      ws.onText((ws, text) => {
        post({ text });
        ws.close(4000, 'one is enough');
      }),
    );
    connection.write([Opcode.text, 'one'], [Opcode.text, 'two'], [Opcode.text, 'three']);
    expect(await connection.peer.closed).toEqual({ code: 4000, reason: 'one is enough' });
    await connection.run(({ ws }) => ws.onClose);
    expect(await connection.seen()).toEqual({ text: 'one' });
    expect(await connection.unseen()).toEqual([]);
  });
});

/** Enough for two of the messages below, and not for a third. */
const MAX_EARLY = 4096;

atBothEnds(
  ({ open, side }) => {
    it('keeps one message that is as long as may be', async () => {
      const connection = await open({ isBare: true });
      connection.peer.send('x'.repeat(MAX_EARLY));
      await connection.peer.settled();
      await connection.run(({ ws, post }) => ws.onText((_, text) => post(text.length)));
      expect(await connection.seen()).toBe(MAX_EARLY);
    });

    it('keeps no more than maxPayload bytes and stays open when more comes before a callback', async () => {
      const connection = await open({ isBare: true });
      for (let i = 0; i < 10; i++) connection.peer.send(`${i}`.padEnd(MAX_EARLY / 2 - 100));
      await connection.peer.settled();
      await connection.run(({ ws, post }) => ws.onText((_, text) => post(text.trim())));
      connection.peer.send('from here on');
      // A server stops keeping anything, a client keeps the first.
      const kept = side === 'server' ? [] : ['0', '1'];
      expect(await connection.seenInOrder(kept.length + 1)).toEqual([...kept, 'from here on']);
    });
  },
  { maxPayload: MAX_EARLY },
);
