/** Positions of a channel, as they are given out and as they come back, from clients too. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChannelPosition } from '../../src/shared/channel-log.ts';
import { Publisher } from '../../src/shared/publisher.ts';
import { EPOCH, SharedLog, underLock } from '../harness/shared-log.ts';

/** Nobody reads: every channel without subscribers can be forgotten. */
function newChannels(maxChannels = 2) {
  const { primary, ...memory } = new SharedLog({ maxChannels, ringBytes: 2 ** 16 });
  const publisher = new Publisher(primary);
  const entryOf = (channel: string): number => {
    primary.name.trySet(channel);
    return primary.table.find(primary.name);
  };
  return {
    ...memory,
    primary,
    publish: (channel: string) => publisher.publish(channel, 0, 'x', 0, 0),
    create: (channel: string) => {
      primary.name.trySet(channel);
      return underLock(primary, () => primary.table.findOrCreate(primary.name));
    },
    positionOf: (channel: string) => underLock(primary, () => primary.positionOf(entryOf(channel))),
    knownUpTo: (channel: string, after: unknown) => {
      const parsed = primary.parse(after as ChannelPosition);
      return parsed && underLock(primary, () => primary.knownUpTo(entryOf(channel), parsed));
    },
  };
}

describe('a position', () => {
  it('is known up to its sequence when the channel is the same', () => {
    const { publish, positionOf, knownUpTo } = newChannels();
    for (let i = 0; i < 5; i++) publish('a');
    const { epoch, sequence } = positionOf('a');
    expect(sequence).toBe(5);
    for (let before = 0; before <= 5; before++)
      expect(knownUpTo('a', { epoch, sequence: before })).toBe(before);
    publish('a');
    expect(knownUpTo('a', { epoch, sequence })).toBe(5);
    expect(positionOf('a')).toEqual({ epoch, sequence: 6 });
  });

  it('is not known when it is beyond the channel’s last message', () => {
    const { publish, positionOf, knownUpTo } = newChannels();
    publish('a');
    const { epoch } = positionOf('a');
    for (const sequence of [2, 3, 1e9, Number.MAX_SAFE_INTEGER]) {
      expect(knownUpTo('a', { epoch, sequence })).toBe(undefined);
    }
  });

  it('is not known when the channel was forgotten since, whatever its sequence was', () => {
    const { publish, positionOf, knownUpTo } = newChannels();
    for (let i = 0; i < 3; i++) publish('a');
    const { epoch } = positionOf('a');
    for (const other of ['b', 'c']) publish(other);
    for (let round = 0; round < 3; round++) {
      for (let sequence = 0; sequence <= 4; sequence++) {
        expect(knownUpTo('a', { epoch, sequence })).toBe(undefined);
      }
      publish('a');
      expect(positionOf('a').epoch).not.toBe(epoch);
    }
  });

  it('is known to be before every message when it was taken before the channel was made', () => {
    const { publish, positionOf, knownUpTo } = newChannels();
    const absent = positionOf('a');
    expect(absent.sequence).toBe(0);
    expect(knownUpTo('a', absent)).toBe(0);
    for (let i = 0; i < 3; i++) publish('a');
    expect(knownUpTo('a', absent)).toBe(0);
    expect(positionOf('a').epoch).not.toBe(absent.epoch);
  });

  it('is still known when a channel without messages was forgotten since', () => {
    const { create, publish, positionOf, knownUpTo } = newChannels();
    create('a');
    const position = positionOf('a');
    for (const other of ['b', 'c', 'd']) create(other);
    expect(knownUpTo('a', position)).toBe(0);
    publish('a');
    expect(knownUpTo('a', position)).toBe(0);
  });

  it('is never known wrongly: whoever is told a sequence has missed nothing but what comes behind it', () => {
    const names = ['a', 'b', 'c', 'd'];
    const step = fc.record({
      kind: fc.constantFrom('publish', 'publish', 'create', 'ask', 'ask'),
      name: fc.constantFrom(...names),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const { create, publish, positionOf, knownUpTo } = newChannels();
        /** Messages of each channel, by the epoch in which they were published. */
        const published = new Map(names.map((name) => [name, [] as string[]]));
        const asked: { name: string; position: ChannelPosition; messages: number }[] = [];
        for (const { kind, name } of steps) {
          const messages = published.get(name) ?? [];
          if (kind === 'create') create(name);
          if (kind === 'ask') asked.push({ name, position: positionOf(name), messages: messages.length });
          if (kind === 'publish') {
            publish(name);
            messages.push(positionOf(name).epoch);
          }
        }
        for (const { name, position, messages } of asked) {
          const known = knownUpTo(name, position);
          const { epoch } = positionOf(name);
          const all = published.get(name) ?? [];
          const missed = all.slice(messages);
          const isLost = missed.some((of) => of !== epoch);
          if (position.epoch === epoch) expect(known).toBe(position.sequence);
          if (known === undefined) continue;
          expect(isLost).toBe(false);
          expect(known).toBe(all.slice(0, messages).filter((of) => of === epoch).length);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('what a client sends for a position', () => {
  const ours = EPOCH.toString(36);
  const garbage: unknown[] = [
    ...[null, undefined, true, 7, '', 'x', [], {}, Symbol.iterator, () => {}],
    ...[{ epoch: null }, { sequence: 1 }, { epoch: `${ours}.1` }, { epoch: [`${ours}.1`], sequence: 1 }],
    ...[Number.NaN, -1, 0.5, 2 ** 53, -(2 ** 53), 1e300, Number.POSITIVE_INFINITY, '1', null, [1], 1n].map(
      (sequence) => ({ epoch: `${ours}.1`, sequence }),
    ),
    ...[
      '',
      '.',
      ours,
      `${ours}.`,
      `.1`,
      `${ours}.-1`,
      `${ours}.!`,
      `${ours}x.1`,
      `x${ours}.1`,
      `${ours} .1`,
    ].map((epoch) => ({ epoch, sequence: 1 })),
    ...[`${(EPOCH + 1n).toString(36)}.1`, `${ours}.2`, `${ours}.0`, '\0'.repeat(1e5), '.'.repeat(1e5)].map(
      (epoch) => ({ epoch, sequence: 1 }),
    ),
  ];

  it.each(garbage.map((after) => [after]))('is not known when it is %o', (after) => {
    const { publish, positionOf, knownUpTo } = newChannels();
    publish('a');
    expect(positionOf('a')).toEqual({ epoch: `${ours}.1`, sequence: 1 });
    expect(knownUpTo('a', after)).toBe(undefined);
    expect(knownUpTo('nobody', after)).toBe(undefined);
  });

  it('never gives a sequence that the channel does not have, whatever it is', () => {
    const { publish, knownUpTo } = newChannels();
    for (let i = 0; i < 5; i++) publish('a');
    const epoch = fc.oneof(
      fc.string(),
      fc.string().map((life) => `${ours}.${life}`),
      fc.anything(),
    );
    const sequence = fc.oneof(fc.integer(), fc.double(), fc.anything());
    fc.assert(
      fc.property(fc.oneof(fc.record({ epoch, sequence }), fc.anything()), (after) => {
        for (const channel of ['a', 'nobody']) {
          const known = knownUpTo(channel, after);
          const last = channel === 'a' ? 5 : 0;
          expect(known === undefined || (Number.isInteger(known) && known >= 0 && known <= last)).toBe(true);
        }
      }),
    );
  });
});

describe('forgetting a loop', () => {
  it('frees the lock when the loop’s thread has ended with it', () => {
    const shared = new SharedLog({ loops: 2 });
    const { primary } = shared;
    const ended = shared.ofLoop(1);
    ended.lock.lock();
    primary.forgetSeat(1);
    expect(ended.lock.isMine).toBe(false);
    expect(primary.lock.tryLock()).toBe(true);
  });

  it('holds nobody up any more, and takes its subscribers out of every channel', () => {
    const shared = new SharedLog({ loops: 2, maxChannels: 1000 });
    const { primary } = shared;
    shared.attach(1);
    const publisher = new Publisher(primary);
    for (let i = 0; i < 1000; i++) {
      primary.name.trySet(`c${i}`);
      const entry = underLock(primary, () => primary.table.findOrCreate(primary.name));
      for (const loop of [0, 1]) underLock(primary, () => primary.table.setSubscribers(entry, loop, 2));
    }
    for (let i = 0; i < 64; i++) expect(publisher.publish('c0', 0, 'x', 0, 0).ok).toBe(true);
    expect(publisher.publish('c0', 0, 'x', 0, 0)).toEqual({ ok: false, reason: 'log-full' });
    primary.forgetSeat(1);
    expect(publisher.publish('c0', 0, 'x', 0, 0).ok).toBe(true);
    for (let i = 0; i < 1000; i++) {
      primary.name.trySet(`c${i}`);
      expect(primary.table.subscribers(primary.table.find(primary.name))).toBe(2);
    }
  });
});
