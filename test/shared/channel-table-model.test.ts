/** The channel table against a plain map that does the same the simple way. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_POSITION } from '../../src/shared/log-writer.ts';
import { NamedTable } from '../harness/named-table.ts';

interface Channel {
  sequence: number;
  last: number;
  life: number;
  readonly subscribers: Map<number, number>;
}

class Model {
  readonly channels = new Map<string, Channel>();
  /** The least recently used first. */
  idle: string[] = [];
  lives = 0;
  forgotten = 0;
  /** End of the log. */
  end = 0;
  readonly #maxChannels: number;

  constructor(maxChannels: number) {
    this.#maxChannels = maxChannels;
  }

  findOrCreate(name: string): Channel | undefined {
    const present = this.channels.get(name);
    if (present !== undefined) return present;
    if (this.channels.size === this.#maxChannels && !this.#forgetOldest()) return undefined;
    const channel = { sequence: 0, last: NO_POSITION, life: ++this.lives, subscribers: new Map() };
    this.channels.set(name, channel);
    this.idle.push(name);
    return channel;
  }

  #forgetOldest(): boolean {
    const [name] = this.idle;
    const channel = name === undefined ? undefined : this.channels.get(name);
    if (name === undefined || channel === undefined) return false;
    if (channel.sequence > 0) this.forgotten = ++this.lives;
    this.channels.delete(name);
    this.idle.shift();
    return true;
  }

  publish(name: string): void {
    const channel = this.findOrCreate(name);
    if (channel === undefined) return;
    channel.sequence++;
    channel.last = this.end++;
    if (channel.subscribers.size === 0) this.#toNewest(name);
  }

  setSubscribers(name: string, loop: number, count: number): void {
    const channel = this.findOrCreate(name);
    if (channel === undefined) return;
    const wasIdle = channel.subscribers.size === 0;
    if (count === 0) channel.subscribers.delete(loop);
    else channel.subscribers.set(loop, count);
    if (channel.subscribers.size > 0) this.idle = this.idle.filter((other) => other !== name);
    else if (!wasIdle) this.#toNewest(name);
  }

  #toNewest(name: string): void {
    this.idle = [...this.idle.filter((other) => other !== name), name];
  }
}

const NAMES = [
  'a',
  'b',
  'a\0',
  'room:1',
  'room:2',
  '€uro',
  'x'.repeat(254),
  'x'.repeat(255),
  'c',
  'd',
  'e',
  'f',
];

type Step = { readonly kind: 'publish' | 'subscribe' | 'create' | 'forget loop' } & {
  readonly name: string;
  readonly loop: number;
  readonly count: number;
};
const stepFor = (loops: number): fc.Arbitrary<Step> =>
  fc.record({
    kind: fc.constantFrom('publish', 'publish', 'subscribe', 'subscribe', 'create', 'forget loop'),
    name: fc.constantFrom(...NAMES),
    loop: fc.oneof(fc.nat(loops - 1), fc.constant(0)),
    count: fc.nat(2),
  });

/** The table and the model, doing the same. */
class Both {
  readonly named: NamedTable;
  readonly model: Model;

  constructor(loops: number, maxChannels: number) {
    this.named = new NamedTable(loops, maxChannels);
    this.model = new Model(maxChannels);
  }

  do({ kind, name, loop, count }: Step): void {
    const { named, model } = this;
    switch (kind) {
      case 'create':
        named.create(name);
        model.findOrCreate(name);
        break;
      case 'publish':
        if (named.create(name) !== 0) named.publish(name, model.end);
        model.publish(name);
        break;
      case 'subscribe':
        if (named.create(name) !== 0) named.subscribe(name, loop, count);
        model.setSubscribers(name, loop, count);
        break;
      case 'forget loop': {
        named.table.forgetLoop(loop, 0);
        // They become idle in the order of the trie: that of the hash's digits, from the last to the first.
        const digits = (name: string): string =>
          [...named.encoded(name).hash.toString(16).padStart(8, '0')].reverse().join('');
        const names = [...model.channels.keys()].sort((a, b) => (digits(a) < digits(b) ? -1 : 1));
        for (const name of names) model.setSubscribers(name, loop, 0);
      }
    }
  }

  check(): void {
    const { named, model } = this;
    const { table } = named;
    expect(table).toMatchObject({
      count: model.channels.size,
      lives: model.lives,
      forgotten: model.forgotten,
    });
    for (const name of NAMES) {
      const entry = named.find(name);
      const channel = model.channels.get(name);
      expect(entry !== 0).toBe(channel !== undefined);
      if (channel === undefined) continue;
      const { sequence, last, life, subscribers } = channel;
      expect([table.sequence(entry), table.last(entry), table.life(entry)]).toEqual([sequence, last, life]);
      expect(named.interest(name)).toEqual([...subscribers.keys()].sort((a, b) => a - b));
      expect(table.subscribers(entry)).toBe([...subscribers.values()].reduce((sum, count) => sum + count, 0));
    }
  }

  /** Ends with the idle channels, in their order: each new name takes the place of the next. */
  checkIdleOrder(): void {
    const expected = [...this.model.idle];
    for (let i = this.model.channels.size; i < this.named.table.count + NAMES.length; i++) {
      const before = NAMES.filter((name) => this.named.find(name) !== 0);
      this.do({ kind: 'create', name: `new ${i}`, loop: 0, count: 0 });
      const gone = before.filter((name) => this.named.find(name) === 0);
      if (gone.length > 0) expect(gone).toEqual([expected.shift()]);
      this.check();
    }
    expect(expected).toEqual([]);
  }
}

describe.each([1, 8, 33, 256])('a channel table for %d loops', (loops) => {
  it('does what the map does, whatever is created, published, subscribed to and forgotten', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.array(stepFor(loops), { maxLength: 80, size: 'max' }),
        (maxChannels, steps) => {
          const both = new Both(loops, maxChannels);
          for (const step of steps) {
            both.do(step);
            both.check();
          }
          both.checkIdleOrder();
        },
      ),
      { numRuns: loops > 100 ? 15 : 40 },
    );
  });

  it('takes as much memory as at first when the same channels are there again, whatever came between', () => {
    fc.assert(
      fc.property(fc.array(stepFor(loops), { maxLength: 200, size: 'max' }), (steps) => {
        const names = Array.from({ length: 8 }, (_, i) => `again ${i}`.repeat(1 + i));
        const both = new Both(loops, names.length);
        const { table } = both.named;
        for (const name of names) both.do({ kind: 'publish', name, loop: 0, count: 0 });
        const { usedBytes } = table;
        for (const step of steps) both.do(step);
        for (let loop = 0; loop < loops; loop++) table.forgetLoop(loop, 0);
        for (const name of names) {
          both.named.create(name);
          both.named.publish(name, 0);
        }
        expect(table.count).toBe(names.length);
        expect(names.every((name) => both.named.find(name) !== 0)).toBe(true);
        expect(table.usedBytes).toBe(usedBytes);
      }),
      { numRuns: 40 },
    );
  });
});
