/** Bytes that RFC 6455 does not allow. uWebSockets.js sends no close frame for them: the client sees its connection end. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { closePayload, frame, Opcode } from '../harness/frames.ts';
import { watchNeighbour } from '../harness/neighbour.ts';
import { RawClient } from '../harness/raw-client.ts';

const MORE = { isFinal: false };
const INVALID_UTF8 = {
  'a lone continuation byte': [0x80],
  'an overlong form': [0xc0, 0xaf],
  'a surrogate': [0xed, 0xa0, 0x80],
  'a code point over U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
  'an unfinished sequence': [0x78, 0xf0, 0x9f, 0x91],
  'a byte that never occurs': [0xff],
};

let server: FixtureServer;
/** Protocol errors that were counted so far. */
let counted = 0;

beforeAll(async () => {
  server = await FixtureServer.start('remote-app.js');
});
afterAll(() => server.close());

watchNeighbour(() => server);

/** Sends a message, these bytes, and another message: the first is received, then the connection is over. */
async function expectBroken(name: string, ...bytes: Buffer[]): Promise<{ reason: string }> {
  const raw = await RawClient.open(server.port, `/remote/${name}`);
  raw.write(Buffer.concat([frame(Opcode.text, 'valid'), ...bytes, frame(Opcode.text, 'too late')]));
  expect(await server.seen(name)).toEqual({ text: 'valid' });
  const { closed } = (await server.seen(name)) as {
    closed: { code: number; reason: string; wasClean: boolean };
  };
  expect(closed).toMatchObject({ code: 1006, wasClean: false });
  expect(closed.reason).not.toBe('');
  await raw.ended;
  expect(await server.unseen(name)).toEqual([]);
  const before = counted;
  counted = await server.total('protocolErrors');
  expect(counted).toBe(before + 1);
  return closed;
}

describe('a frame that is not allowed ends its connection only', () => {
  it.each([1, 2, 4, 7])('when its reserved bits are %i and no extension was negotiated', async (reserved) => {
    await expectBroken(`reserved-${reserved}`, frame(Opcode.text, 'x', { reserved }));
  });

  it.each([1, 2, 4])('when it is a ping with the reserved bits %i', async (reserved) => {
    await expectBroken(`reserved-ping-${reserved}`, frame(Opcode.ping, 'x', { reserved }));
  });

  it.each([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])('when its opcode is the reserved %i', async (opcode) => {
    await expectBroken(`opcode-${opcode}`, frame(opcode, 'x'));
  });

  it.each([
    ['ping', Opcode.ping],
    ['pong', Opcode.pong],
    ['close', Opcode.close],
  ])('when it is a %s in fragments', async (name, opcode) => {
    await expectBroken(`fragmented-${name}`, frame(opcode, '', MORE));
  });

  it('when it is a continuation of nothing', async () => {
    await expectBroken('continuation', frame(Opcode.continuation, 'x'));
  });

  it('when it starts a message within a message', async () => {
    await expectBroken('nested', frame(Opcode.text, 'x', MORE), frame(Opcode.text, 'y'));
  });

  it.each([0, 999, 1004, 1005, 1006, 1015, 2999, 5000])(
    'when it is a close frame with code %i',
    async (code) => {
      await expectBroken(`close-${code}`, frame(Opcode.close, closePayload(code)));
    },
  );

  it('when it is a close frame whose reason is not UTF-8', async () => {
    await expectBroken('close-reason', frame(Opcode.close, closePayload(1000, Uint8Array.of(0xff))));
  });
});

describe('text that is not UTF-8 ends its connection only', () => {
  it.each(Object.entries(INVALID_UTF8))('when it has %s', async (kind, bytes) => {
    const { reason } = await expectBroken(
      kind.replaceAll(' ', '-'),
      frame(Opcode.text, Uint8Array.from(bytes)),
    );
    expect(reason).toContain('UTF-8');
  });

  it('when only the whole of its fragments shows it', async () => {
    await expectBroken(
      'fragments',
      frame(Opcode.text, Uint8Array.of(0xf0, 0x9f), MORE),
      frame(Opcode.continuation, Uint8Array.of(0x41)),
    );
  });
});

describe('what is allowed', () => {
  it('keeps its connection when the bytes of a binary message are not UTF-8', async () => {
    const raw = await RawClient.open(server.port, '/remote/any-bytes');
    const bytes = Object.values(INVALID_UTF8).flat();
    raw.send(Opcode.binary, Uint8Array.from(bytes));
    expect(await server.seen('any-bytes')).toEqual({ bytes });
    raw.leave();
  });

  it('keeps its connection when text has a byte order mark, a null and code points that are not characters', async () => {
    const raw = await RawClient.open(server.port, '/remote/odd-text');
    const text = '\ufeff\0\uffff\u{10ffff}';
    raw.send(Opcode.text, text);
    expect(await server.seen('odd-text')).toEqual({ text });
    raw.leave();
  });

  it.each([
    ['ends its half of the connection', 'fin', (raw: RawClient) => raw.socket.end()],
    ['resets the connection', 'rst', (raw: RawClient) => raw.leave()],
  ])('is not counted as a protocol error when a client %s', async (_, name, leave) => {
    const before = await server.total('protocolErrors');
    const raw = await RawClient.open(server.port, `/remote/${name}`);
    leave(raw);
    expect(await server.seen(name)).toMatchObject({ closed: { code: 1006 } });
    expect(await server.total('protocolErrors')).toBe(before);
  });
});
