/** The bridge beside a model of one channel that an engine numbers, with a log that is often full. */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BridgedNode, type Told } from '../harness/bridged-node.ts';

const RUNS = process.env.POLYLOOP_STRESS === '1' ? 5000 : 400;
const RETRY_MS = 20;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What the engine has said of one channel, and what a loop was told of it. */
class Account {
  life = 0;
  sequence = 0;
  /** Of the present life: the text of each message. */
  texts = new Map<number, string>();
  readonly #all = new Map<number, Map<number, string>>();
  readonly asked: number[] = [];
  /** Where the loop believes that the channel stands; undefined when nobody is subscribed. */
  told: { life: number; sequence: number } | undefined;

  begin(sequence: number): void {
    this.life++;
    this.sequence = sequence;
    this.texts = new Map();
    this.#all.set(this.life, this.texts);
  }

  publish(bytes: number): string {
    const text = `${this.life} ${++this.sequence} `.padEnd(bytes, 'x');
    this.texts.set(this.sequence, text);
    return text;
  }

  /** The latest messages behind a sequence that nothing is missing between. */
  behind(after: number): string[] {
    const texts: string[] = [];
    for (let at = this.sequence; at > after; at--) {
      const text = this.texts.get(at);
      if (text === undefined) break;
      texts.unshift(text);
    }
    return texts;
  }

  hear(record: Told): void {
    const { told } = this;
    const { sequence } = record;
    if (record.what === 'placed') {
      if (told?.life === record.life) expect(sequence).toBe(told.sequence);
      this.told = { life: record.life, sequence };
      this.asked.splice(0, Infinity, ...this.asked.filter((after) => after < record.from));
      return;
    }
    if (told === undefined) return;
    const text = this.#all.get(told.life)?.get(sequence);
    if (record.what !== 'gap') expect(record.text).toBe(text);
    if (record.what === 'replay') return;
    const count = record.what === 'gap' ? record.count : 1;
    expect(sequence).toBe(told.sequence + count);
    told.sequence = sequence;
  }
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('message' as const), n: fc.integer({ min: 1, max: 30 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('big' as const), n: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('missed', 'ask', 'answer', 'read', 'tick'),
      n: fc.integer({ min: 1, max: 20 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('life', 'away', 'forget', 'publish', 'read all'),
      n: fc.integer({ min: 1, max: 5 }),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function take(node: BridgedNode, account: Account, { do: what, n }: Step): Promise<void> {
  const { backplane } = node;
  switch (what) {
    case 'message':
    case 'big':
      for (let i = 0; i < n; i++) node.arrives('a', account.publish(what === 'big' ? 500 : 12));
      return;
    case 'missed':
      account.sequence += n;
      backplane.events.onMissed({ channel: 'a', count: n });
      return;
    case 'life':
      account.begin(n);
      node.placed('a', account.life, n);
      return;
    case 'ask':
      if (node.loop.tryAsk('a', Math.max(0, account.sequence - n))) await node.bridgeReads();
      return;
    case 'answer': {
      const asked = backplane.replays.shift();
      if (asked === undefined) return;
      account.asked.push(asked.after);
      node.replayed('a', asked.after, account.behind(asked.after));
      return;
    }
    case 'read':
    case 'read all':
      for (const record of node.told(what === 'read' ? n : undefined)) account.hear(record);
      return;
    case 'publish':
      for (let i = 0; i < n; i++) node.publisher.publish('b', 0, 'x', 0, 0);
      return;
    case 'tick':
      vi.advanceTimersByTime(RETRY_MS);
      return;
    case 'forget':
    case 'away':
      // Nobody is told what comes while nobody is there.
      for (const record of node.told()) account.hear(record);
      account.told = undefined;
      await node.subscribe('a', 0);
      if (what === 'forget') await node.forgetIdle();
      else for (let i = 0; i < n; i++) node.arrives('a', account.publish(12));
      account.asked.length = 0;
      node.told();
      await node.subscribe('a');
      return;
  }
}

it('gives each message its number, or says that it is missing, however full the log is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 50, size: 'max' }), async (steps) => {
      const own = new BridgedNode(128);
      const account = new Account();
      await own.subscribe('a');
      account.begin(3);
      own.placed('a', account.life, 3);
      for (const each of steps) await take(own, account, each);
      // Now there is room.
      for (let i = 0; i < 3; i++) {
        for (const record of own.told()) account.hear(record);
        await own.bridgeReads();
        vi.advanceTimersByTime(RETRY_MS);
      }
      for (const record of own.told()) account.hear(record);
      const { life, sequence } = account;
      expect(account.told).toEqual({ life, sequence });
      expect(own.position('a')).toEqual({ epoch: own.loop.epochOf(life), sequence });
      expect(account.asked).toEqual([]);
      const { messages } = own.history.read('a', undefined, 1000);
      for (const { sequence: at, data } of messages) expect(data).toBe(account.texts.get(at));
      await own.bridge.close(0);
    }),
    { numRuns: RUNS },
  );
});
