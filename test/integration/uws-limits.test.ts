/**
 * Where uWebSockets.js does not do what RFC 6455 says, and this package cannot see or change it. A test here that fails after
 * an update of uWebSockets.js means that the limit is gone: move it to where the rule is tested, and change the docs.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { frame, Opcode } from '../harness/frames.ts';
import { handshake, RawClient } from '../harness/raw-client.ts';

const UNMASKED = { isMasked: false };

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('remote-app.js');
});
afterAll(() => server.close());

afterEach(async () => {
  const neighbour = await Client.open(server.url('/echo'));
  neighbour.send('unharmed');
  expect(await neighbour.next()).toBe('unharmed');
  neighbour.socket.terminate();
  expect(server.generations).toEqual([1]);
});

describe('a close frame from the client', () => {
  // RFC 6455 section 7.4.2: 3000 to 3999 are for libraries and applications; IANA has registered 1012 to 1014.
  it.each([1012, 1013, 1014, 3000, 3999])(
    'is reported as lost, and answered without a code, when its code is %i',
    async (code) => {
      const client = await Client.open(server.url(`/remote/code-${code}`));
      client.socket.close(code, 'bye');
      expect(await server.seen(`code-${code}`)).toEqual({
        closed: { code: 1006, reason: 'Received invalid close payload', wasClean: false },
      });
      expect(await client.closed).toEqual({ code: 1005, reason: '' });
    },
  );

  // Section 5.5.1: if there is a body, its first two bytes are a code.
  it('is taken for one without a code when it has one byte', async () => {
    const raw = await RawClient.open(server.port, '/remote/half-code');
    raw.send(Opcode.close, Uint8Array.of(3));
    expect(await server.seen('half-code')).toEqual({ closed: { code: 1005, reason: '', wasClean: true } });
    await raw.ended;
  });
});

// Section 5.1: a server must close the connection upon receiving a frame that is not masked.
describe('a frame that is not masked', () => {
  it('is read as if the first bytes of its payload were the mask', async () => {
    const raw = await RawClient.open(server.port, '/remote/unmasked');
    const mask = Buffer.from('MASK');
    const masked = [...'hello'].map((letter, i) => letter.charCodeAt(0) ^ (mask[i % 4] ?? 0));
    // It says five bytes of payload and carries the mask and those five.
    const bytes = Buffer.concat([
      frame(Opcode.text, 'five!', UNMASKED).subarray(0, 2),
      mask,
      Buffer.from(masked),
    ]);
    raw.write(bytes);
    expect(await server.seen('unmasked')).toEqual({ text: 'hello' });
    raw.leave();
  });

  it('does no more than confuse its own connection when random ones are sent', async () => {
    const raw = await RawClient.open(server.port, '/remote/random');
    for (let i = 0; i < 200; i++) raw.send(Opcode.text, `unmasked message ${i}`, UNMASKED);
    await raw.ended;
    let event = await server.seen('random');
    while (!Object.hasOwn(event as object, 'closed')) event = await server.seen('random');
    expect(event).toMatchObject({ closed: { code: 1006, wasClean: false } });
  });
});

// RFC 9110 section 5.5: bytes above ASCII are allowed in field values and are opaque.
describe('a header value', () => {
  async function valueSeen(bytes: string): Promise<string | undefined> {
    const upgrades = await FixtureServer.start('upgrade-app.js');
    const raw = await RawClient.open(upgrades.port, '/request/x/', { 'X-Value': bytes });
    const { inOnUpgrade } = JSON.parse((await raw.frame()).payload.toString());
    raw.leave();
    await upgrades.close();
    return Object.fromEntries(inOnUpgrade.headers)['x-value'];
  }

  it('loses its first and last bytes when they are above ASCII', async () => {
    expect(await valueSeen('\xe9tage, caf\xc3\xa9')).toBe('tage, caf');
  });

  it('has the bytes of U+FFFD in place of those that are not UTF-8', async () => {
    expect(Buffer.from((await valueSeen('caf\xe9.')) ?? '', 'latin1').toString()).toBe('caf\ufffd.');
  });

  it('gets no answer until its connection has been idle too long when it has a control character', async () => {
    const raw = await RawClient.connect(server.port);
    raw.write(handshake('/echo', { 'X-Value': 'a\x01b' }));
    await expect(raw.answer()).rejects.toThrow('ended');
  });
});
