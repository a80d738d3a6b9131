import { afterEach, beforeEach, expect, test } from 'vitest';
import { ChannelServer, takeUntil } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';

let server: ChannelServer;
let far: Client;

beforeEach(async () => {
  server = await ChannelServer.start({ workers: 2 });
  await server.join('near', 0);
  far = await server.join('far', 1);
  await server.run(0, ({ member }) => member('near').subscribe('deep'));
  await server.run(1, ({ member }) => member('far').subscribe('deep'));
});
afterEach(() => server.close());

/** What an app calls where the stack is almost used up; `number` is another one in each call. */
const CALLS = {
  'publishes to a channel with subscribers': "loop.publish('deep', 'x')",
  'publishes to a channel without subscribers': "loop.publish('nobody', 'x')",
  'publishes to new channels': "loop.publish('new ' + number, 'x')",
  'publishes by a connection that is subscribed': "ws.publish('deep', 'x')",
  'subscribes and unsubscribes': "number % 2 ? ws.subscribe('more') : ws.unsubscribe('more')",
  'subscribes from a position': "ws.subscribe('deep', { after: { epoch: '', sequence: 0 }, limit: 1 })",
  'counts subscribers': "loop.subscriberCount('deep')",
  'reads history': "loop.history('deep')",
};

test.each(Object.entries(CALLS))(
  'leaves channels whole and free when a callback without stack left %s',
  async (_, call) => {
    const { passed, failed } = await server.run(
      0,
      ({ loop, member }, call) => {
        const ws = member('near');
        const attempt = new Function('loop', 'ws', 'number', call);
        // Code that has never run is compiled where it is first called, which takes more stack than to run it.
        for (let call = -4; call < 0; call++) attempt(loop, ws, call);
        let number = 0;
        let passed = 0;
        let failed = 0;
        let left = 0;
        // Frames of several sizes, so that the stack ends at other places of the call.
        const dives = ['', 'a', 'a, b', 'a, b, c'].map((parameters) =>
          new Function(
            'attempt',
            `return function dive(${parameters}) { try { dive() } catch {} attempt(); }`,
          )(() => {
            if (left-- <= 0) return;
            number++;
            try {
              attempt(loop, ws, number);
              passed++;
            } catch (error) {
              if (!(error instanceof RangeError)) throw error;
              failed++;
            }
          }),
        );
        for (let round = 0; round < 10; round++) {
          for (const dive of dives) {
            left = 100;
            dive();
          }
        }
        return { passed, failed };
      },
      call,
    );
    expect(passed).toBeGreaterThan(0);
    expect(failed).toBeGreaterThan(0);
    const startMs = performance.now();
    await server.run(0, ({ member }) => member('near').subscribe('deep'));
    const results = await server.runOnAll(({ loop }) => [
      loop.publish('deep', 'the end').ok,
      loop.publish('other', 'x').ok,
    ]);
    expect(results).toEqual([
      [true, true],
      [true, true],
    ]);
    // A lock that nobody gives back is waited for; it must be free.
    expect(performance.now() - startMs).toBeLessThan(2000);
    const received = await takeUntil(far, 'the end');
    const { sequence } = await server.run(1, ({ loop }) => loop.history('deep', { limit: 0 }));
    expect(received.length).toBe(sequence - 2);
    expect(await server.subscriberCounts('deep')).toEqual([2, 2]);
  },
);
