/** RFC 6455 section by section, without compression and with it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame, Opcode } from '../harness/frames.ts';
import { type HeaderChanges, RawClient } from '../harness/raw-client.ts';
import { type Case, expected } from './case.ts';
import { ConformanceServer } from './conformance-server.ts';
import { CLOSING } from './tables/closing.ts';
import { CONTROL } from './tables/control.ts';
import { FRAGMENTS } from './tables/fragments.ts';
import { FRAMING, LENGTHS, RSV1_ALONE } from './tables/framing.ts';
import { LIMITS } from './tables/limits.ts';
import { UTF8 } from './tables/utf8.ts';

const CASES = [...FRAMING, ...FRAGMENTS, ...CONTROL, ...UTF8, ...CLOSING, ...LIMITS];
const OFFER: HeaderChanges = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };

describe.each<[string, boolean, HeaderChanges, readonly Case[]]>([
  ['compression is off', false, {}, [...CASES, ...RSV1_ALONE]],
  ['compression is off and the client offers it', false, OFFER, RSV1_ALONE],
  ['compression is on and the client does not offer it', true, {}, [...CASES, ...RSV1_ALONE]],
  ['compression is negotiated and the client does not use it', true, OFFER, CASES],
])('when %s', (_, compression, headers, cases) => {
  let server: ConformanceServer;

  beforeAll(async () => {
    server = await ConformanceServer.start({ compression });
  });
  afterAll(async () => {
    expect(await server.close()).toEqual({ generations: [1], companion: 'unharmed' });
  });

  it.concurrent.each(cases.map((one) => [one.section, one.name, one] as const))(
    'section %s: the server answers as it must when %s',
    async (_, __, one) => {
      const { outcome, onClose } = await server.exchange(one.send, headers);
      expect(outcome).toEqual(expected(one));
      expect(onClose).toBe(one.onClose);
    },
  );

  it('sends frames that are not masked and say their length in as few bytes as it needs', async () => {
    const raw = await RawClient.open(server.fixture.port, '/echo');
    for (const length of LENGTHS) {
      const payload = 'x'.repeat(length);
      raw.send(Opcode.text, payload);
      const wanted = frame(Opcode.text, payload, { isMasked: false });
      expect((await raw.bytes(wanted.length)).equals(wanted)).toBe(true);
    }
    raw.leave();
  });
});
