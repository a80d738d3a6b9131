/** RFC 7692, permessage-deflate: what is agreed on, and messages that are compressed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame, Opcode } from '../harness/frames.ts';
import { RawClient } from '../harness/raw-client.ts';
import { type Case, expected } from './case.ts';
import { ConformanceServer } from './conformance-server.ts';
import { compressedFrame, inflated, RSV1 } from './deflate.ts';
import { DEFLATE } from './tables/deflate.ts';
import { OFFERS, OFFERS_IN_VAIN } from './tables/offers.ts';

const OFFER = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };
const rows = (cases: readonly Case[]): [string, string, Case][] =>
  cases.map((one) => [one.section, one.name, one]);

/** Starts a server for the tests of a block, and sees to it that none of them harms it. */
function serverWith(compression: boolean): () => ConformanceServer {
  let server: ConformanceServer;
  beforeAll(async () => {
    server = await ConformanceServer.start({ compression });
  });
  afterAll(async () => {
    expect(await server.close()).toEqual({ generations: [1], companion: 'unharmed' });
  });
  return () => server;
}

describe('when compression is on', () => {
  const server = serverWith(true);

  it.concurrent.each(rows(OFFERS))(
    'section %s: a handshake is answered as it must when %s',
    async (_, __, one) => {
      expect(await server().handshake(one.send)).toEqual(expected(one));
    },
  );

  it.concurrent.each(rows(DEFLATE))(
    'section %s: the server answers as it must when %s',
    async (_, __, one) => {
      const { outcome, onClose } = await server().exchange(one.send, OFFER);
      expect(outcome).toEqual(expected(one));
      expect(onClose).toBe(one.onClose);
    },
  );

  it('sends messages compressed, each in a context of its own, and nothing else, when compression was negotiated', async () => {
    const raw = await RawClient.open(server().fixture.port, '/echo', OFFER);
    const message = 'what was said before is not said shorter '.repeat(20);
    for (let i = 0; i < 3; i++) {
      raw.send(Opcode.text, message);
      const answer = await raw.frame();
      expect(answer.reserved).toBe(RSV1);
      expect(answer.payload.length).toBeLessThan(message.length / 5);
      expect(inflated(answer).payload.toString()).toBe(message);
    }
    raw.send(Opcode.ping, 'a'.repeat(100));
    expect(await raw.frame()).toMatchObject({
      opcode: Opcode.pong,
      reserved: 0,
      payload: Buffer.alloc(100, 'a'),
    });
    raw.leave();
  });

  it('sends messages as they are when compression was not negotiated', async () => {
    const raw = await RawClient.open(server().fixture.port, '/echo');
    const message = 'compressible '.repeat(100);
    raw.send(Opcode.text, message);
    expect(await raw.frame()).toMatchObject({ reserved: 0, payload: Buffer.from(message) });
    raw.leave();
  });
});

describe('when compression is off', () => {
  const server = serverWith(false);

  it.concurrent.each(rows(OFFERS_IN_VAIN))(
    'section %s: a handshake is answered as it must when %s',
    async (_, __, one) => {
      expect(await server().handshake(one.send)).toEqual(expected(one));
    },
  );

  it('takes a compressed message for a breach of the protocol when the client offered compression in vain', async () => {
    const send = [frame(Opcode.text, 'plain'), compressedFrame(Opcode.text, 'compressed')];
    const { outcome, onClose } = await server().exchange(send, OFFER);
    expect(outcome).toEqual(['text "plain"', 'end']);
    expect(onClose).toBe('1006 "Received invalid WebSocket frame"');
  });
});
