import { describe, expect, it } from 'vitest';
import { atBothEnds } from '../harness/both-ends.ts';

const LARGE_BYTES = 8 * 1024 * 1024;

atBothEnds(({ open }) => {
  describe('what kind of frame send makes', () => {
    it('sends a text frame when given a string', async () => {
      const connection = await open();
      expect(await connection.run(({ ws }) => ws.send('grüße, 世界 👋🏽'))).toBe('sent');
      expect(await connection.peer.next()).toBe('grüße, 世界 👋🏽');
    });

    it('sends a binary frame of exactly the bytes in view when given bytes of any kind', async () => {
      const connection = await open();
      await connection.run(({ ws }) => {
        const memory = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7).buffer;
        const shared = new SharedArrayBuffer(8);
        new Uint8Array(shared).set([10, 11, 12, 13, 14, 15, 16, 17]);
        ws.send(new Uint8Array(memory));
        ws.send(memory);
        ws.send(new Uint8Array(memory, 2, 3));
        ws.send(new DataView(memory, 3, 2));
        ws.send(new Uint16Array(memory, 4, 1));
        ws.send(Buffer.from('buffer'));
        ws.send(shared);
        ws.send(new Uint8Array(shared, 1, 4));
        ws.send(new DataView(shared, 6));
        ws.send(new Uint8Array());
      });
      for (const expected of [
        [0, 1, 2, 3, 4, 5, 6, 7],
        [0, 1, 2, 3, 4, 5, 6, 7],
        [2, 3, 4],
        [3, 4],
        [4, 5],
        [...Buffer.from('buffer')],
        [10, 11, 12, 13, 14, 15, 16, 17],
        [11, 12, 13, 14],
        [16, 17],
        [],
      ]) {
        expect(await connection.peer.next()).toEqual(Buffer.from(expected));
      }
    });

    it('sends bytes as text without decoding them when binary is false', async () => {
      const connection = await open();
      await connection.run(({ ws }) => {
        const bytes = new TextEncoder().encode('prefix: häppy 🎉');
        const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
        shared.set(bytes);
        ws.send(bytes, { binary: false });
        ws.send(shared.subarray(8), { binary: false });
        ws.send(new DataView(shared.buffer, 0, 6), { binary: false });
        ws.send(new Uint8Array(), { binary: false });
      });
      for (const text of ['prefix: häppy 🎉', 'häppy 🎉', 'prefix', '']) {
        expect(await connection.peer.next()).toBe(text);
      }
    });

    it('sends a string as UTF-8 bytes when binary is true', async () => {
      const connection = await open();
      await connection.run(({ ws }) => {
        ws.send('é🎉', { binary: true });
        ws.send('', { binary: true });
      });
      expect(await connection.peer.next()).toEqual(Buffer.from('é🎉'));
      expect(await connection.peer.next()).toEqual(Buffer.alloc(0));
    });

    it('keeps the kind of frame when only compress is given', async () => {
      const connection = await open();
      await connection.run(({ ws }) => {
        ws.send('text', { compress: false });
        ws.send(Uint8Array.of(1), { compress: false });
        ws.send('', { compress: true });
      });
      expect(await connection.peer.next()).toBe('text');
      expect(await connection.peer.next()).toEqual(Buffer.of(1));
      expect(await connection.peer.next()).toBe('');
    });

    it.each([
      ['text', false],
      ['bytes', true],
    ])('sends U+FFFD in place of each lone surrogate when it is sent as %s', async (_, binary) => {
      const connection = await open();
      await connection.run(({ ws }, binary) => ws.send('a\ud800b\udc00\ud83d\ude00', { binary }), binary);
      expect((await connection.peer.next()).toString()).toBe('a\ufffdb\ufffd😀');
    });
  });

  it('sends messages in the order of the calls when text, bytes and pings are mixed', async () => {
    const connection = await open();
    const { peer } = connection;
    const arrivals: string[] = [];
    peer.socket.on('ping', (payload: Buffer) => arrivals.push(`ping ${payload}`));
    peer.socket.on('message', (data: Buffer) => arrivals.push(String(data)));
    await connection.run(({ ws }) => {
      for (let i = 0; i < 50; i++) {
        ws.send(`${i}`);
        ws.ping(`${i}`);
        ws.send(Buffer.from(`${i}`));
      }
      ws.close();
    });
    await peer.closed;
    expect(arrivals).toEqual(Array.from({ length: 50 }, (_, i) => [`${i}`, `ping ${i}`, `${i}`]).flat());
  });

  it('leaves the bytes to the caller, who may change them once send has returned', async () => {
    const connection = await open();
    await connection.run(({ ws }, largeBytes) => {
      const large = new Uint8Array(largeBytes).fill(4);
      const bytes = new Uint8Array(4);
      for (let i = 1; i <= 3; i++) ws.send(bytes.fill(i));
      ws.send(large);
      bytes.fill(9);
      large.fill(9);
    }, LARGE_BYTES);
    for (let i = 1; i <= 3; i++) expect(await connection.peer.next()).toEqual(Buffer.alloc(4, i));
    expect(Buffer.alloc(LARGE_BYTES, 4).equals((await connection.peer.next()) as Buffer)).toBe(true);
  });

  it('throws a TypeError and leaves the connection open when the data is neither text nor bytes', async () => {
    const connection = await open();
    const thrown = await connection.run(({ ws }) =>
      [5, null, undefined, {}, [1, 2]].map((data) => {
        try {
          return ws.send(data as never);
        } catch (error) {
          return (error as Error).name;
        }
      }),
    );
    expect(thrown).toEqual(Array(5).fill('TypeError'));
    await connection.run(({ ws }) => ws.send('still here'));
    expect(await connection.peer.next()).toBe('still here');
  });
});
