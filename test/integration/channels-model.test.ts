import fc from 'fast-check';
import type { SubscribeResult } from 'polyloop';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChannelServer, takeUntil } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const RUNS = IS_LONG ? 3000 : 150;
const MEMBERS = ['a', 'b', 'c'];
let server: ChannelServer;
let clients: Map<string, Client>;
let channels = 0;

beforeAll(async () => {
  server = await ChannelServer.start({ workers: 2 });
  clients = new Map();
  for (const name of MEMBERS) clients.set(name, await server.join(name));
});
afterAll(() => server.close());

/** What a loop does, one step after the other, all in one callback but for the turns. `back`: messages to resume from. */
interface Step {
  readonly do: (typeof STEPS)[number];
  readonly member: string;
  readonly back: number;
}

/** Each as often as it comes up. */
const STEPS = [
  ...(['publish', 'publish', 'publish', 'send', 'turn'] as const),
  ...(['subscribe', 'unsubscribe', 'resume', 'resume'] as const),
];

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(...STEPS),
  member: fc.constantFrom(...MEMBERS),
  back: fc.nat(12),
});

/** A mark in what a member receives: from here on, this is its subscription. */
interface Mark {
  readonly mark: 'subscribed' | 'unsubscribed';
  readonly result?: Extract<SubscribeResult, { ok: true }>;
  readonly wasSubscribed: boolean;
  /** Where it asked to resume from, or where the channel stood. */
  readonly after: number;
}

/** Runs the steps on loop 0, while loop 1 publishes too, and gives every message by sequence. */
async function run(steps: Step[]): Promise<string[]> {
  const channel = `model ${channels++}`;
  const publishing = server.run(
    1,
    async ({ loop, notes }, channel) => {
      notes.length = 0;
      for (let i = 0; notes.length === 0; i++) {
        loop.publish(channel, `far ${i}`);
        await new Promise((resolve) => (i % 7 === 0 ? setTimeout(resolve, 1) : setImmediate(resolve)));
      }
    },
    channel,
  );
  await server.run(
    0,
    async ({ loop, member }, channel, steps) => {
      const stands = () => loop.history(channel, { limit: 0 });
      const mark = (name: string, mark: object): void => void member(name).send(JSON.stringify(mark));
      let published = 0;
      for (const step of steps) {
        if (step.do === 'turn') await new Promise((resolve) => setImmediate(resolve));
        else if (step.do === 'publish') loop.publish(channel, `near ${published++}`);
        else if (step.do === 'send') member(step.member).publish(channel, `${step.member} ${published++}`);
        else if (step.do === 'unsubscribe') {
          const wasSubscribed = member(step.member).unsubscribe(channel);
          mark(step.member, { mark: 'unsubscribed', wasSubscribed, after: 0 });
        } else {
          const ws = member(step.member);
          const wasSubscribed = ws.isSubscribed(channel);
          const { epoch, sequence } = stands();
          const after = step.do === 'resume' ? Math.max(0, sequence - step.back) : -1;
          const result = ws.subscribe(channel, after === -1 ? {} : { after: { epoch, sequence: after } });
          mark(step.member, { mark: 'subscribed', result, wasSubscribed, after });
        }
      }
    },
    channel,
    steps,
  );
  await server.run(1, ({ notes }) => notes.push('enough'));
  await publishing;
  const { messages } = await server.run(
    0,
    async ({ loop, member }, channel, members) => {
      // What a member still misses comes in order with its channel, not with the other one.
      const isBehind = (name: string): boolean => {
        const standing = member(name).isSubscribed(channel) && member(name).subscribe(channel);
        return standing !== false && standing.ok && standing.missed > 0;
      };
      while (members.some(isBehind)) await new Promise((resolve) => setImmediate(resolve));
      for (const name of members) member(name).subscribe('the end');
      loop.publish('the end', 'the end');
      return loop.history(channel, { limit: 1_000_000 });
    },
    channel,
    MEMBERS,
  );
  return messages.map(({ data }) => String(data));
}

/** Each member gets, from the place that `subscribe` told, every message that is not its own, until it unsubscribes. */
function check(name: string, received: string[], all: string[]): void {
  /** Sequence of the next message that may come; undefined while it is not subscribed. */
  let next: number | undefined;
  const skipOwn = (): void => {
    while (next !== undefined && all[next - 1]?.startsWith(`${name} `)) next++;
  };
  for (const text of received) {
    if (!text.startsWith('{')) {
      skipOwn();
      expect(next, `${name} got ${text} without a subscription`).toBeDefined();
      expect(text).toBe(all[(next ?? 0) - 1]);
      next = (next ?? 0) + 1;
      continue;
    }
    const { mark, result, wasSubscribed, after } = JSON.parse(text) as Mark;
    expect(wasSubscribed).toBe(next !== undefined);
    if (mark === 'unsubscribed') next = undefined;
    else if (result?.ok !== true) throw new Error(JSON.stringify(result));
    else {
      const first = result.sequence - result.missed + 1;
      if (after >= 0) expect(first).toBe(after + 1);
      else if (next !== undefined) {
        // It goes on where it was: own messages in front make no difference.
        skipOwn();
        const told = first;
        expect(all.slice(next - 1, told - 1).filter((text) => !text.startsWith(`${name} `))).toEqual([]);
      }
      expect(result.complete).toBe(true);
      if (after >= 0 || next === undefined) next = first;
    }
  }
  skipOwn();
  if (next !== undefined) expect(next).toBe(all.length + 1);
}

test('delivers to each subscriber what it was promised when members subscribe, publish, resume and unsubscribe in any order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
      const all = await run(steps);
      for (const name of MEMBERS) {
        const client = clients.get(name);
        if (client === undefined) throw new Error(`there is no ${name}`);
        check(name, (await takeUntil(client, 'the end')).map(String), all);
      }
      await server.run(
        0,
        ({ member }, members) => {
          for (const name of members)
            for (const channel of member(name).channels) member(name).unsubscribe(channel);
        },
        MEMBERS,
      );
    }),
    { numRuns: RUNS },
  );
}, 300_000);
