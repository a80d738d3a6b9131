/** The bridge between a real log and a backplane that a test speaks for. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NO_SENDER } from '../../src/backplane/backplane.ts';
import { Bridge } from '../../src/primary/bridge.ts';
import type { ChannelLog } from '../../src/shared/channel-log.ts';
import { History } from '../../src/shared/history.ts';
import { BINARY, COMPRESS, GAP, INTEREST, MIN_RING_BYTES } from '../../src/shared/log.ts';
import { Publisher } from '../../src/shared/publisher.ts';
import { FakeBackplane } from '../harness/fake-backplane.ts';
import { type CollectingReader, type SeenRecord, SharedLog, underLock } from '../harness/shared-log.ts';
import { until } from '../harness/until.ts';

const RING_BYTES = 16 * MIN_RING_BYTES;
const LINGER_MS = 5000;

let shared: SharedLog;
let loop: ChannelLog;
let reader: CollectingReader;
let publisher: Publisher;
let bridge: Bridge;
let backplane: FakeBackplane;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  shared = new SharedLog({ loops: 2, ringBytes: RING_BYTES, maxChannels: 4, bridge: 'node' });
  loop = shared.ofLoop(0);
  reader = shared.attach(0);
  publisher = new Publisher(loop);
  bridge = new Bridge(
    shared.primary,
    (events) => {
      backplane = new FakeBackplane(events);
      return backplane;
    },
    () => {},
  );
});

afterEach(async () => {
  await bridge.close(0);
  vi.useRealTimers();
});

function subscribe(channel: string, count = 1): void {
  underLock(loop, () => {
    loop.name.trySet(channel);
    loop.table.setSubscribers(loop.table.findOrCreate(loop.name), 0, count);
  });
}

const messages = (): SeenRecord[] => reader.collect().filter(({ flags }) => (flags & INTEREST) === 0);
const arrives = (channel: string, text: string, isBinary = false): void =>
  backplane.events.onMessage({
    channel,
    isBinary,
    compress: true,
    data: Buffer.from(text),
    sender: NO_SENDER,
  });

describe('what this node publishes', () => {
  it('is sent, in order, with its channel and what kind it is', async () => {
    publisher.publish('a', 0, 'one', COMPRESS, 0);
    publisher.publish('b', 0, Buffer.from([1, 2]), BINARY, 7);
    await until(() => backplane.published.length === 2);
    expect(backplane.published).toEqual([
      { channel: 'a', isBinary: false, compress: true, data: Buffer.from('one'), sender: NO_SENDER },
      {
        channel: 'b',
        isBinary: true,
        compress: false,
        data: Buffer.from([1, 2]),
        sender: { thread: 1, connection: 7 },
      },
    ]);
  });

  it('is sent by the time the bridge is closed', async () => {
    for (let i = 0; i < 50; i++) publisher.publish('a', 0, String(i), 0, 0);
    await bridge.close(0);
    expect(backplane.published.map(({ data }) => data.toString())).toEqual(
      Array.from({ length: 50 }, (_, i) => String(i)),
    );
    expect(backplane.isClosed).toBe(true);
  });

  it('keeps its channel until it is sent, however many others come', () => {
    publisher.publish('first', 0, 'one', 0, 0);
    for (const channel of ['b', 'c', 'd']) publisher.publish(channel, 0, 'x', 0, 0);
    expect(publisher.publish('e', 0, 'x', 0, 0)).toEqual({ ok: false, reason: 'too-many-channels' });
  });

  it('makes room for other channels once it is sent', async () => {
    for (const channel of ['a', 'b', 'c', 'd']) publisher.publish(channel, 0, 'x', 0, 0);
    await until(() => backplane.published.length === 4);
    expect(publisher.publish('e', 0, 'x', 0, 0).ok).toBe(true);
    await until(() => backplane.published.at(-1)?.channel === 'e');
  });
});

describe('an engine that is too slow', () => {
  it('is given no more until it takes more, while the log has room', async () => {
    backplane.isCongested = true;
    publisher.publish('a', 0, 'one', 0, 0);
    await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(1000);
    expect(backplane.published).toEqual([]);
    backplane.isCongested = false;
    await until(() => {
      vi.advanceTimersByTime(5);
      return backplane.published.length === 1;
    });
  });

  it('is given all the same what the log has no room for', async () => {
    backplane.isCongested = true;
    for (let i = 0; i < 400; i++) publisher.publish('a', 0, 'x'.repeat(100), 0, 0);
    await until(() => {
      vi.advanceTimersByTime(5);
      return backplane.published.length > 0;
    });
  });
});

describe('a channel', () => {
  it('is wanted from its first subscriber on', async () => {
    subscribe('a');
    subscribe('a', 2);
    await until(() => backplane.wanted.has('a'));
  });

  it('is wanted for some seconds after its last subscriber has left', async () => {
    subscribe('a');
    await until(() => backplane.wanted.size === 1);
    subscribe('a', 0);
    publisher.publish('b', 0, 'behind', 0, 0);
    await until(() => backplane.published.length === 1);
    vi.advanceTimersByTime(LINGER_MS - 1);
    expect(backplane.wanted.size).toBe(1);
    vi.advanceTimersByTime(1);
    expect(backplane.wanted.size).toBe(0);
  });

  it('stays wanted when a subscriber comes back in time', async () => {
    subscribe('a');
    subscribe('a', 0);
    subscribe('a', 1);
    publisher.publish('b', 0, 'behind', 0, 0);
    await until(() => backplane.published.length === 1);
    vi.advanceTimersByTime(2 * LINGER_MS);
    expect([...backplane.wanted]).toEqual(['a']);
  });

  it('is no longer wanted when the loop of its subscribers has ended', async () => {
    subscribe('a');
    await until(() => backplane.wanted.size === 1);
    shared.primary.forgetSeat(0);
    publisher.publish('b', 0, 'behind', 0, 0);
    await until(() => backplane.published.length === 1);
    vi.advanceTimersByTime(LINGER_MS);
    expect(backplane.wanted.size).toBe(0);
  });
});

describe('what comes from other nodes', () => {
  it('is published here, and not sent back', async () => {
    subscribe('a');
    await until(() => backplane.wanted.size === 1);
    arrives('a', 'hello');
    arrives('a', 'bytes', true);
    const seen = messages();
    expect(seen.map(({ data, sequence }) => [data.toString(), sequence])).toEqual([
      ['hello', 1],
      ['bytes', 2],
    ]);
    publisher.publish('b', 0, 'own', 0, 0);
    await until(() => backplane.published.length > 0);
    expect(backplane.published.map(({ channel }) => channel)).toEqual(['b']);
  });

  it('is dropped when nobody wants it', () => {
    arrives('a', 'hello');
    expect(messages()).toEqual([]);
  });

  it('is told of as missed, once there is room, when the log is full', async () => {
    subscribe('a');
    await until(() => backplane.wanted.size === 1);
    const text = 'x'.repeat(400);
    for (let i = 0; i < 1000; i++) arrives('a', text);
    const delivered = messages().length;
    expect(delivered).toBeLessThan(1000);
    vi.advanceTimersByTime(20);
    const [gap] = messages();
    expect((gap?.flags ?? 0) & GAP).toBe(GAP);
    expect(gap?.data.readDoubleLE()).toBe(1000 - delivered);
    expect(gap?.sequence).toBe(1000);
    const { log } = shared.primary;
    await until(() => log.unread(log.bridge) === 0);
    arrives('a', 'behind');
    expect(messages().map(({ sequence }) => sequence)).toEqual([1001]);
  });
});

describe('messages that did not come', () => {
  beforeEach(async () => {
    subscribe('a');
    await until(() => backplane.wanted.size === 1);
    arrives('a', 'one');
  });

  it('take their numbers, in order with those that came', () => {
    backplane.events.onMissed({ channel: 'a', count: 3 });
    arrives('a', 'five');
    expect(messages().map(({ sequence, flags }) => [sequence, (flags & GAP) !== 0])).toEqual([
      [1, false],
      [4, true],
      [5, false],
    ]);
  });

  it('take one number when their own is not known', () => {
    backplane.events.onMissed({ channel: 'a', count: null });
    const gap = messages().at(-1);
    expect([gap?.sequence, gap?.data.readDoubleLE()]).toEqual([2, Number.NaN]);
  });

  it('are not crossed by a history', () => {
    backplane.events.onMissed({ channel: 'a', count: 3 });
    arrives('a', 'five');
    const history = new History(loop);
    const all = history.read('a', undefined, 10);
    expect(all.messages.map(({ data }) => data)).toEqual(['five']);
    const { epoch } = all;
    expect(history.read('a', { epoch, sequence: 1 }, 10)).toMatchObject({ complete: false });
    expect(history.read('a', { epoch, sequence: 4 }, 10)).toMatchObject({ complete: true });
  });
});
