import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { frame, Opcode } from '../harness/frames.ts';
import { RawClient } from '../harness/raw-client.ts';

const MORE = { isFinal: false };

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('remote-app.js');
});
afterAll(() => server.close());

/** Sends the frames in one segment and gives the one event that the app sees. */
async function received(name: string, ...frames: Buffer[]): Promise<unknown> {
  const raw = await RawClient.open(server.port, `/remote/${name}`);
  raw.write(Buffer.concat(frames));
  const event = await server.seen(name);
  raw.send(Opcode.text, 'the next message');
  expect(await server.seen(name)).toEqual({ text: 'the next message' });
  raw.leave();
  return event;
}

describe('a message in fragments', () => {
  it('is received as one when it is text', async () => {
    const event = await received(
      'text',
      frame(Opcode.text, 'one ', MORE),
      frame(Opcode.continuation, 'two ', MORE),
      frame(Opcode.continuation, 'three'),
    );
    expect(event).toEqual({ text: 'one two three' });
  });

  it('is received as one when it is binary', async () => {
    const event = await received(
      'binary',
      frame(Opcode.binary, Uint8Array.of(1, 2), MORE),
      frame(Opcode.continuation, Uint8Array.of(3)),
    );
    expect(event).toEqual({ bytes: [1, 2, 3] });
  });

  it('is received when some or all of them are empty', async () => {
    const event = await received(
      'partly-empty',
      frame(Opcode.text, '', MORE),
      frame(Opcode.continuation, 'x', MORE),
      frame(Opcode.continuation),
    );
    expect(event).toEqual({ text: 'x' });
    const empty = await received('empty', frame(Opcode.text, '', MORE), frame(Opcode.continuation));
    expect(empty).toEqual({ text: '' });
  });

  it('is decoded as a whole when a character is split between them', async () => {
    const [wave] = [Buffer.from('👋🏽')];
    const fragments = [...wave].map((byte, index) =>
      frame(index === 0 ? Opcode.text : Opcode.continuation, Uint8Array.of(byte), {
        isFinal: index === wave.length - 1,
      }),
    );
    expect(await received('split', ...fragments)).toEqual({ text: '👋🏽' });
  });

  it('is received when there are very many of them', async () => {
    const middle = Array.from({ length: 2000 }, () => frame(Opcode.continuation, 'x', MORE));
    const event = await received(
      'many',
      frame(Opcode.text, 'x', MORE),
      ...middle,
      frame(Opcode.continuation, 'x'),
    );
    expect(event).toEqual({ text: 'x'.repeat(2002) });
  });

  it('is received when every byte of it arrives alone', async () => {
    const raw = await RawClient.open(server.port, '/remote/trickle');
    raw.socket.setNoDelay(true);
    const bytes = Buffer.concat([
      frame(Opcode.text, 'trick', MORE),
      frame(Opcode.ping, 'p'),
      frame(Opcode.continuation, 'led'),
    ]);
    for (const byte of bytes) {
      await new Promise<void>((resolve) => {
        raw.socket.write(Uint8Array.of(byte), () => resolve());
      });
    }
    expect(await server.seen('trickle')).toEqual({ ping: 'p' });
    expect(await server.seen('trickle')).toEqual({ text: 'trickled' });
    raw.leave();
  });
});

describe('control frames between fragments', () => {
  it('are answered at once and leave the message whole when they are pings', async () => {
    const raw = await RawClient.open(server.port, '/remote/pings');
    raw.send(Opcode.text, 'be', MORE);
    raw.send(Opcode.ping, 'first');
    expect(await raw.frame()).toMatchObject({ opcode: Opcode.pong, payload: Buffer.from('first') });
    raw.send(Opcode.continuation, 'twe', MORE);
    raw.send(Opcode.ping, 'second');
    raw.send(Opcode.pong, 'unasked');
    expect(await raw.frame()).toMatchObject({ opcode: Opcode.pong, payload: Buffer.from('second') });
    raw.send(Opcode.continuation, 'en');
    expect(await server.seenInOrder('pings', 4)).toEqual([
      { ping: 'first' },
      { ping: 'second' },
      { pong: 'unasked' },
      { text: 'between' },
    ]);
    raw.leave();
  });

  it('end the connection and the unfinished message is not received when it is a close', async () => {
    const raw = await RawClient.open(server.port, '/remote/unfinished');
    raw.send(Opcode.text, 'never fin', MORE);
    raw.send(Opcode.close, Buffer.from([0x03, 0xe8]));
    expect(await server.seen('unfinished')).toEqual({ closed: { code: 1000, reason: '', wasClean: true } });
    await raw.ended;
    expect(await server.unseen('unfinished')).toEqual([]);
  });
});
