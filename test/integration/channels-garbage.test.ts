import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChannelServer, takeUntil } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';
import { watchNeighbour } from '../harness/neighbour.ts';

const HELD = 10;
const RUNS = 300;
let server: ChannelServer;
let client: Client;
let epoch: string;

beforeAll(async () => {
  server = await ChannelServer.start({ workers: 1 });
  client = await server.join('a');
  epoch = await server.run(
    0,
    ({ loop }, held) => {
      for (let i = 1; i <= held; i++) loop.publish('x', `${i}`);
      return loop.history('x').epoch;
    },
    HELD,
  );
});
afterAll(() => server.close());
watchNeighbour(() => server.fixture);

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

/** Positions as a client may send them: any JSON, and what looks almost like a position. */
const positions = (): fc.Arbitrary<unknown> => {
  const [memory = '', life = ''] = epoch.split('.');
  const epochs = fc.oneof(
    fc.constantFrom(
      epoch,
      memory,
      `${memory}.`,
      `.${life}`,
      `${epoch}.`,
      `${memory}.-1`,
      `${memory}.0`,
      `${memory}.zzzzzzzzzzzzzz`,
      '',
    ),
    fc.string(),
    fc.jsonValue(),
  );
  const sequences = fc.oneof(
    fc.constantFrom(0, HELD, HELD + 1, -1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e300, '1', null),
    fc.integer(),
    fc.jsonValue(),
  );
  return fc.oneof(fc.jsonValue(), fc.record({ epoch: epochs, sequence: sequences }, { requiredKeys: [] }));
};

/** The sequence that a position means, if it means one. */
function meant(after: unknown): number | undefined {
  const { epoch: given, sequence } = (after ?? {}) as { epoch?: unknown; sequence?: unknown };
  // What `history` says of a channel that is not there yet, when there has not been any.
  if (given === `${epoch.split('.')[0]}.0` && sequence === 0) return 0;
  const isKnown = given === epoch && Number.isInteger(sequence);
  return isKnown && (sequence as number) >= 0 && (sequence as number) <= HELD
    ? (sequence as number)
    : undefined;
}

test('answers with what is held, and throws nothing, whatever a client gives as the position to resume from', async () => {
  await fc.assert(
    fc.asyncProperty(positions(), async (after) => {
      const [result, history] = await server.run(
        0,
        ({ loop, member }, after) => {
          const ws = member('a');
          const result = ws.subscribe('x', { after });
          // What was missed is sent when this callback is over.
          setTimeout(() => {
            ws.unsubscribe('x');
            ws.send('that was all');
          });
          return [result, loop.history('x', { after })] as const;
        },
        after as { epoch: string; sequence: number },
      );
      const known = meant(after);
      const expected = numbers((known ?? 0) + 1, HELD);
      expect(await takeUntil(client, 'that was all')).toEqual(expected);
      const outcome = { sequence: HELD, complete: known !== undefined };
      expect(result).toMatchObject({ ok: true, missed: expected.length, ...outcome });
      expect(history).toMatchObject(outcome);
      expect(history.messages.map(({ data }) => data)).toEqual(expected);
    }),
    { numRuns: RUNS },
  );
});
