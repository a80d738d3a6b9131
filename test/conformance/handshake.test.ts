/** RFC 6455 section 4: the handshake, without compression and with it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expected } from './case.ts';
import { ConformanceServer } from './conformance-server.ts';
import { HANDSHAKE } from './tables/handshake.ts';

describe.each([false, true])('when compression is %s', (compression) => {
  let server: ConformanceServer;

  beforeAll(async () => {
    server = await ConformanceServer.start({ compression });
  });
  afterAll(async () => {
    expect(await server.close()).toEqual({ generations: [1], companion: 'unharmed' });
  });

  it.concurrent.each(HANDSHAKE.map((one) => [one.section, one.name, one] as const))(
    'section %s: a handshake is answered as it must when %s',
    async (_, __, one) => {
      expect(await server.handshake(one.send)).toEqual(expected(one));
    },
  );
});
