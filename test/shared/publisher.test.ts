import { describe, expect, it } from 'vitest';
import type { ChannelLog } from '../../src/shared/channel-log.ts';
import { Doorbell } from '../../src/shared/doorbell.ts';
import { bellIndex } from '../../src/shared/layout.ts';
import { BINARY, COMPRESS } from '../../src/shared/log.ts';
import { Publisher } from '../../src/shared/publisher.ts';
import { bytesFor, changes, SharedLog, underLock } from '../harness/shared-log.ts';

const THREAD_SHIFT = 16;
const MAX_NAME = 'x'.repeat(255);

function subscribe(shared: ChannelLog, channel: string, loop: number, count = 1): number {
  expect(shared.name.trySet(channel)).toBe(true);
  return underLock(shared, () => {
    const entry = shared.table.findOrCreate(shared.name);
    shared.table.setSubscribers(entry, loop, count);
    return entry;
  });
}

const send = (publisher: Publisher, channel: string, data: string | Uint8Array = 'x') =>
  publisher.publish(channel, 0, data, typeof data === 'string' ? 0 : BINARY, 0);

describe('a message', () => {
  it('gets the next number of its channel, whichever thread publishes it', () => {
    const shared = new SharedLog({ loops: 2 });
    const publishers = [0, 1, 2].map((loop) => new Publisher(shared.ofLoop(loop)));
    const sequences = Array.from({ length: 30 }, (_, i) => {
      const result = send(publishers[i % 3] as Publisher, i % 2 === 0 ? 'even' : MAX_NAME);
      return result.ok ? result.sequence : result.reason;
    });
    expect(sequences).toEqual(Array.from({ length: 30 }, (_, i) => Math.floor(i / 2) + 1));
  });

  it('names the thread and the connection that published it when it is not for that connection', () => {
    const shared = new SharedLog({ loops: 300 });
    const reader = shared.attach(0);
    new Publisher(shared.ofLoop(299)).publish('c', 0, 'x', COMPRESS, 2 ** 32 - 1);
    new Publisher(shared.ofLoop(299)).publish('c', 0, 'x', COMPRESS, 0);
    expect(reader.collect()).toMatchObject([
      { flags: COMPRESS | (300 << THREAD_SHIFT), connection: 2 ** 32 - 1 },
      { flags: COMPRESS, connection: 0 },
    ]);
  });

  it('is of the channel whose entry is given, when one is, and its name is not looked at', () => {
    const shared = new SharedLog();
    const reader = shared.attach(0);
    const entry = subscribe(shared.primary, 'c', 0);
    expect(new Publisher(shared.primary).publish('', entry, 'x', 0, 0)).toEqual({ ok: true, sequence: 1 });
    expect(send(new Publisher(shared.primary), 'c')).toEqual({ ok: true, sequence: 2 });
    expect(reader.collect().map(({ channel }) => channel)).toEqual([entry, entry]);
  });
});

describe('a refusal', () => {
  it.each([
    ['too-large', 'new', new Uint8Array(1e6)],
    ['invalid-channel', '', 'x'],
    ['invalid-channel', `${MAX_NAME}x`, 'x'],
    ['invalid-channel', '€'.repeat(86), 'x'],
  ])('because of %s changes nothing, when the channel is %j', (reason, channel, data) => {
    const shared = new SharedLog();
    const publisher = new Publisher(shared.primary);
    send(publisher, 'old');
    const act = () => expect(send(publisher, channel, data)).toEqual({ ok: false, reason });
    expect(changes(shared.log, act)).toBe(false);
    expect(changes(shared.channels, act)).toBe(false);
  });

  it('makes no channel when the log is full', () => {
    const shared = new SharedLog();
    shared.attach(0);
    const publisher = new Publisher(shared.primary);
    for (let i = 0; i < 64; i++) expect(send(publisher, 'old').ok).toBe(true);
    const act = () => expect(send(publisher, 'new')).toEqual({ ok: false, reason: 'log-full' });
    expect(changes(shared.channels, act)).toBe(false);
  });

  it('says that there are too many channels when all have subscribers, and publishing to those goes on', () => {
    const shared = new SharedLog({ maxChannels: 2 });
    for (const channel of ['a', 'b']) subscribe(shared.primary, channel, 0);
    const publisher = new Publisher(shared.primary);
    for (let i = 1; i <= 100; i++) {
      expect(send(publisher, 'new')).toEqual({ ok: false, reason: 'too-many-channels' });
      expect(send(publisher, 'a')).toEqual({ ok: true, sequence: i });
    }
    expect(subscribe(shared.primary, 'a', 0, 0)).not.toBe(0);
    expect(send(publisher, 'new')).toEqual({ ok: true, sequence: 1 });
  });

  it('leaves the records that the log still holds as they were when there are too many channels', () => {
    const shared = new SharedLog({ maxChannels: 1 });
    const reader = shared.attach(0);
    subscribe(shared.primary, 'c', 0);
    const publisher = new Publisher(shared.primary);
    // Two rounds and most of a third: what is written next lies where the oldest records are that the log holds.
    for (let i = 0; i < 3 * 64 - 8; i++) {
      expect(send(publisher, 'c', bytesFor(i, 10)).ok).toBe(true);
      reader.collect();
    }
    const ring = shared.log.byteLength - 64 * 64;
    const held = () => Buffer.from(new Uint8Array(shared.log, ring));
    const before = held();
    expect(send(publisher, 'new', bytesFor(0, 900))).toEqual({ ok: false, reason: 'too-many-channels' });
    expect(held().equals(before)).toBe(true);
  });
});

describe('channels that nobody subscribes to', () => {
  it('come and go without end, published to once each, whether or not a loop reads', () => {
    const maxChannels = 5000;
    const shared = new SharedLog({ loops: 8, ringBytes: 2 ** 23, maxChannels });
    const publisher = new Publisher(shared.primary);
    const { table } = shared.primary;
    shared.attach(3);
    let most = 0;
    let firstMessages = 0;
    for (let i = 0; i < 100_000; i++) {
      const result = send(publisher, `c${i}`);
      if (result.ok && result.sequence === 1) firstMessages++;
      if (i === 2 * maxChannels) most = table.usedBytes;
    }
    expect(firstMessages).toBe(100_000);
    expect(table.count).toBe(maxChannels);
    expect(table.usedBytes).toBeLessThan(most * 1.1);
  });

  it('make room for a channel that is subscribed to', () => {
    const shared = new SharedLog({ maxChannels: 3, ringBytes: 2 ** 20 });
    shared.attach(0);
    const publisher = new Publisher(shared.primary);
    for (let i = 0; i < 3; i++) expect(send(publisher, `c${i}`).ok).toBe(true);
    expect(subscribe(shared.primary, 'new', 0)).not.toBe(0);
  });
});

describe.each([1, 8, 33, 256])('with %d loops', (loops) => {
  it('a message rings those that have subscribers and sleep, and no other', () => {
    const shared = new SharedLog({ loops });
    const { words } = shared.primary.log;
    const publisher = new Publisher(shared.primary);
    const interested = [...new Set([0, loops >> 1, 31, 32, loops - 1].filter((loop) => loop < loops))];
    for (const loop of interested) subscribe(shared.primary, 'c', loop);
    const bells = Array.from({ length: loops }, (_, loop) => new Doorbell(words, bellIndex(loop), () => {}));
    for (const bell of bells) bell.arm();
    const rung = () => [...bells.keys()].filter((loop) => Atomics.load(words, bellIndex(loop)) === 0);
    send(publisher, 'other');
    expect(rung()).toEqual([]);
    send(publisher, 'c');
    expect(rung()).toEqual(interested.sort((a, b) => a - b));
  });

  it('a message of a loop to itself calls that loop back when the loop has subscribers, and rings no bell of its own', () => {
    const shared = new SharedLog({ loops });
    const own = loops - 1;
    const { words } = shared.primary.log;
    let calls = 0;
    const publisher = new Publisher(shared.ofLoop(own), () => calls++);
    new Doorbell(words, bellIndex(own), () => {}).arm();
    expect(send(publisher, 'c').ok).toBe(true);
    expect(calls).toBe(0);
    const entry = subscribe(shared.primary, 'c', own);
    expect(publisher.publish('c', entry, 'x', 0, 0).ok).toBe(true);
    expect(calls).toBe(1);
    expect(Atomics.load(words, bellIndex(own))).toBe(1);
  });
});

describe('a stack that overflows', () => {
  /** Words that two calls of `callDeepDown` take at most. */
  const FRAME_WORDS = 32;

  /** Calls `act` that deep down, and so many words deeper. */
  function callDeepDown(depth: number, words: number[], act: () => void): void {
    if (depth > 0) callDeepDown(depth - 1, words, act);
    else ((..._words: number[]) => act())(...words);
  }

  it('leaves the lock free, and channel and log as they were, wherever in publishing it does', () => {
    const shared = new SharedLog({ loops: 2, maxChannels: 30 });
    const { primary } = shared;
    const bells = primary.log.words;
    const bell = bellIndex(1);
    subscribe(primary, 'known', 1);
    const reader = shared.attach(0);
    const publisher = new Publisher(primary);
    /** With the known channel, they are as many as there can be: all others are forgotten. */
    const publishToOthers = () => {
      for (let i = 1; i < 30; i++) expect(send(publisher, `other ${i}`).ok).toBe(true);
      reader.skipToTail();
      expect(primary.table.count).toBe(30);
      return primary.table.usedBytes;
    };
    const usedBytes = publishToOthers();
    let known = 0;
    /** What comes of publishing there; undefined: a throw. */
    const publishAt = (depth: number, words: number) => {
      const isKnown = words % 2 === 0;
      let result: unknown;
      Atomics.store(bells, bell, 1);
      try {
        callDeepDown(depth, new Array(words).fill(0), () => {
          result = send(publisher, isKnown ? 'known' : `c${depth}.${words}`, bytesFor(words, 3));
        });
      } catch {
        // What is left behind is looked at below.
      }
      if (isKnown && result !== undefined) known++;
      expect(result).toBeOneOf([undefined, { ok: true, sequence: isKnown ? known : 1 }]);
      expect(primary.lock.isMine).toBe(false);
      expect(reader.collect().length).toBe(result === undefined ? 0 : 1);
      // A message that is published rings those who sleep.
      expect(Atomics.load(bells, bell)).toBe(isKnown && result !== undefined ? 0 : 1);
      return result;
    };
    // From a depth where publishing always works, on until it never does, word by word.
    let depth = 1000;
    while (publishAt(depth, 0) !== undefined) depth += 100;
    depth -= 200;
    for (let isPossible = true; isPossible; depth += 2) {
      isPossible = false;
      for (let words = 0; words < FRAME_WORDS; words++) {
        if (publishAt(depth, words) !== undefined) isPossible = true;
      }
    }
    expect(publishAt(0, 0)).toEqual({ ok: true, sequence: known });
    expect(publishToOthers()).toBe(usedBytes);
  });
});
