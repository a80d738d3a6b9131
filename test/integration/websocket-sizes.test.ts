/** What only a server does about messages that are too long: it counts them. The rest is in test/websocket. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { Opcode } from '../harness/frames.ts';
import { watchNeighbour } from '../harness/neighbour.ts';
import { RawClient } from '../harness/raw-client.ts';

const MAX_PAYLOAD = 100_003;
const TOO_BIG = { code: 1006, reason: 'Received too big message', wasClean: false };

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('remote-app.js', { maxPayload: MAX_PAYLOAD });
});
afterAll(() => server.close());

describe('a message over maxPayload', () => {
  let oversized = 0;

  watchNeighbour(() => server);

  afterEach(async () => {
    oversized++;
    expect(await server.total('oversizedMessages')).toBe(oversized);
  });

  it.each([
    ['text', 'x'.repeat(MAX_PAYLOAD + 1)],
    ['binary', new Uint8Array(MAX_PAYLOAD + 1)],
  ])(
    'ends its connection with the cause in onClose and others go on when one byte of %s is too much',
    async (kind, message) => {
      const client = await Client.open(server.url(`/remote/over-${kind}`));
      client.send(message);
      expect(await client.closed).toEqual({ code: 1006, reason: '' });
      expect(await server.seen(`over-${kind}`)).toEqual({ closed: TOO_BIG });
    },
  );

  it('ends its connection when only the sum of its fragments is too much', async () => {
    const raw = await RawClient.open(server.port, '/remote/over-fragments');
    const half = new Uint8Array(Math.ceil(MAX_PAYLOAD / 2));
    raw.send(Opcode.binary, half, { isFinal: false });
    raw.send(Opcode.continuation, half, { isFinal: true });
    expect(await server.seen('over-fragments')).toEqual({ closed: TOO_BIG });
    await raw.ended;
  });

  it('ends its connection before the payload has arrived when the header announces it', async () => {
    const raw = await RawClient.open(server.port, '/remote/announced');
    const header = Buffer.alloc(14);
    header.set([0x82, 0xff]);
    header.writeBigUInt64BE(2n ** 40n, 2);
    raw.write(header);
    expect(await server.seen('announced')).toEqual({ closed: TOO_BIG });
    await raw.ended;
  });

  it('does not keep the messages before it from being received when they arrived together', async () => {
    const raw = await RawClient.open(server.port, '/remote/before');
    raw.send(Opcode.text, 'first');
    raw.send(Opcode.binary, new Uint8Array(MAX_PAYLOAD + 1));
    expect(await server.seen('before')).toEqual({ text: 'first' });
    expect(await server.seen('before')).toEqual({ closed: TOO_BIG });
    await raw.ended;
  });
});
