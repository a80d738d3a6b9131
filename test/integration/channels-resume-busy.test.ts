import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChannelServer } from '../harness/channel-server.ts';

const ROUNDS = 40;
let server: ChannelServer;

beforeAll(async () => {
  server = await ChannelServer.start({ workers: 2, logBytes: 256 * 1024 });
});
afterAll(() => server.close());

test('keeps a quick client that resumes from before what the log holds when others publish all the time', async () => {
  const publishing = server.run(1, async ({ loop, notes }) => {
    while (notes.length === 0) {
      for (let i = 0; i < 20; i++) loop.publish('busy', 'x');
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  const codes: (number | string)[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const client = await server.join('resuming');
    const result = await server.run(0, ({ member }) =>
      member('resuming').subscribe('busy', { after: { epoch: 'of another server', sequence: 0 } }),
    );
    expect(result).toMatchObject({ ok: true, complete: false });
    const all = result.ok ? result.missed : 0;
    const received = (async () => {
      for (let i = 0; i < all; i++) await client.next();
      return 'all';
    })();
    codes.push(await Promise.race([received, client.closed.then(({ code }) => code)]));
    client.socket.terminate();
  }
  await server.run(1, ({ notes }) => notes.push('enough'));
  await publishing;
  expect(codes).toEqual(Array(ROUNDS).fill('all'));
});
