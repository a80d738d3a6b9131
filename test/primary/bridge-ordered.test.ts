/** The bridge of a node whose channels get their numbers from the engine, for which a test speaks. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NO_SENDER } from '../../src/backplane/backplane.ts';
import { threadOf, UNKNOWN_EPOCH } from '../../src/shared/channel-log.ts';
import { BINARY, COMPRESS, threadIn } from '../../src/shared/log.ts';
import { BridgedNode, numbers, type Told } from '../harness/bridged-node.ts';

const LINGER_MS = 5000;
const RETRY_MS = 20;
const LIFE = 0xabc;
/** Records that the bridge reads in one turn. */
const BATCH = 1024;

let node: BridgedNode;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  node = new BridgedNode();
});

afterEach(async () => {
  await node.bridge.close(0);
  vi.useRealTimers();
});

describe('what this node publishes', () => {
  it('is sent with its channel, what kind it is and who published it', async () => {
    expect(node.publisher.publish('ä', 0, 'one', COMPRESS, 0)).toEqual({ ok: true, sequence: 0 });
    expect(node.publisher.publish('b', 0, Buffer.from([1, 2]), BINARY, 2 ** 32 - 1)).toEqual({
      ok: true,
      sequence: 0,
    });
    expect(node.publisher.publish('c', 0, '', 0, 1)).toEqual({ ok: true, sequence: 0 });
    await node.bridgeReads();
    const of = threadOf(0);
    expect(node.backplane.published).toEqual([
      { channel: 'ä', isBinary: false, compress: true, data: Buffer.from('one'), sender: NO_SENDER },
      {
        channel: 'b',
        isBinary: true,
        compress: false,
        data: Buffer.from([1, 2]),
        sender: { thread: of, connection: 2 ** 32 - 1 },
      },
      {
        channel: 'c',
        isBinary: false,
        compress: false,
        data: Buffer.alloc(0),
        sender: { thread: of, connection: 1 },
      },
    ]);
  });

  it('is not published here, and makes no channel, before it comes back', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 4);
    node.publisher.publish('a', 0, 'mine', 0, 0);
    node.publisher.publish('b', 0, 'mine', 0, 0);
    await node.bridgeReads();
    expect(node.told()).toEqual([placed(4)]);
    expect(node.history.read('a', undefined, 10).messages).toEqual([]);
    expect(node.loop.table.count).toBe(1);
  });

  it('has the thread and the connection that published it when it comes back', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 4);
    node.publisher.publish('a', 0, 'mine', 0, 77);
    await node.bridgeReads();
    const [{ sender } = { sender: NO_SENDER }] = node.backplane.published;
    node.arrives('a', 'mine', sender);
    node.arrives('a', 'theirs');
    const [mine, theirs] = node.reader.collect().slice(-2);
    expect([threadIn(mine?.flags ?? 0), mine?.connection]).toEqual([threadOf(0), 77]);
    expect([threadIn(theirs?.flags ?? 0), theirs?.connection]).toEqual([0, 0]);
  });

  it('is refused when it does not fit in a record with its name', async () => {
    const { maxDataBytes } = node.loop.log;
    const fits = 'x'.repeat(maxDataBytes - 2);
    expect(node.publisher.publish('ä', 0, fits, 0, 0).ok).toBe(true);
    expect(node.publisher.publish('ä', 0, `${fits}x`, 0, 0)).toEqual({ ok: false, reason: 'too-large' });
    await node.bridgeReads();
    expect(node.backplane.published.map(({ channel, data }) => [channel, data.length])).toEqual([
      ['ä', maxDataBytes - 2],
    ]);
  });
});

describe('a channel', () => {
  it('stands nowhere until the engine has said where', async () => {
    await node.subscribe('a');
    expect(node.position('a').epoch).toBe(UNKNOWN_EPOCH);
    node.placed('a', LIFE, 7);
    node.arrives('a', 'eight');
    expect(node.told()).toEqual([placed(7), message(8, 'eight')]);
    expect(node.position('a')).toEqual({ epoch: node.loop.epochOf(LIFE), sequence: 8 });
  });

  it('stands elsewhere, and its history begins anew, when its life is another one', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 7);
    node.arrives('a', 'eight');
    const before = node.position('a');
    node.placed('a', LIFE + 1, 0);
    node.arrives('a', 'one');
    expect(node.told().slice(2)).toEqual([placed(0, { life: LIFE + 1 }), message(1, 'one')]);
    expect(node.history.read('a', undefined, 10).messages.map(({ data }) => data)).toEqual(['one']);
    expect(node.history.read('a', before, 10).complete).toBe(false);
  });

  it('keeps its numbers and its history when somebody subscribes again within the linger time', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 7);
    node.arrives('a', 'eight');
    await node.subscribe('a', 0);
    node.arrives('a', 'nine');
    await node.subscribe('a');
    node.arrives('a', 'ten');
    expect(node.position('a')).toEqual({ epoch: node.loop.epochOf(LIFE), sequence: 10 });
    const { epoch } = node.position('a');
    const { messages, complete } = node.history.read('a', { epoch, sequence: 7 }, 10);
    expect([messages.map(({ data }) => data), complete]).toEqual([['eight', 'nine', 'ten'], true]);
  });

  it('is placed again when it was forgotten within the linger time', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 7);
    await node.subscribe('a', 0);
    await node.forgetIdle();
    expect(node.position('a').epoch).toBe(UNKNOWN_EPOCH);
    node.arrives('a', 'for nobody');
    node.backplane.events.onMissed({ channel: 'a', count: 3 });
    node.told();
    await node.subscribe('a');
    node.arrives('a', 'twelve');
    expect(node.told()).toEqual([placed(11), message(12, 'twelve')]);
  });

  it('has no message without a number when one comes before it is placed again', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 7);
    await node.subscribe('a', 0);
    await node.forgetIdle();
    node.told();
    // The bridge has not read yet that somebody is there again.
    node.setSubscribers('a', 1);
    node.arrives('a', 'eight');
    node.backplane.events.onMissed({ channel: 'a', count: 2 });
    expect(node.history.read('a', undefined, 10)).toMatchObject({
      epoch: UNKNOWN_EPOCH,
      sequence: 0,
      messages: [],
    });
    await node.bridgeReads();
    node.arrives('a', 'eleven');
    expect(node.told()).toEqual([placed(10), message(11, 'eleven')]);
  });

  it('stands nowhere when it is no longer followed', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 7);
    await node.subscribe('a', 0);
    vi.advanceTimersByTime(LINGER_MS);
    expect([...node.backplane.wanted]).toEqual([]);
    // Whoever subscribes now must not believe that it stands where it stood.
    expect(node.position('a').epoch).toBe(UNKNOWN_EPOCH);
    node.setSubscribers('a', 1);
    expect(node.position('a').epoch).toBe(UNKNOWN_EPOCH);
    await node.bridgeReads();
    node.placed('a', LIFE, 20);
    expect(node.position('a')).toEqual({ epoch: node.loop.epochOf(LIFE), sequence: 20 });
  });

  it('stands where it stood when somebody subscribes at the moment at which the linger time ends', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 7);
    await node.subscribe('a', 0);
    node.setSubscribers('a', 1);
    vi.advanceTimersByTime(LINGER_MS);
    expect(node.position('a')).toEqual({ epoch: node.loop.epochOf(LIFE), sequence: 7 });
    node.arrives('a', 'eight');
    await node.bridgeReads();
    vi.advanceTimersByTime(LINGER_MS);
    expect([...node.backplane.wanted]).toEqual(['a']);
    expect(node.position('a')).toEqual({ epoch: node.loop.epochOf(LIFE), sequence: 8 });
  });

  describe('that the bridge cannot be told of, because the log is full and it has much to read', () => {
    beforeEach(async () => {
      await node.bridge.close(0);
      node = new BridgedNode(2 * BATCH);
      await node.subscribe('a');
      await node.subscribe('b');
      await node.subscribe('b', 0);
      node.told();
      while (node.loop.log.unread(0) < BATCH + 8) node.publisher.publish('filler', 0, 'x', 0, 0);
    });

    it('stays wanted when its last subscriber has left and another one has come', async () => {
      node.setSubscribers('a', 0);
      node.fill();
      node.setSubscribers('a', 1);
      await node.bridgeReads();
      vi.advanceTimersByTime(2 * LINGER_MS);
      expect([...node.backplane.wanted]).toEqual(['a']);
    });

    it('is no longer wanted when a subscriber has come and left', async () => {
      node.setSubscribers('b', 1);
      node.fill();
      node.setSubscribers('b', 0);
      await node.bridgeReads();
      vi.advanceTimersByTime(2 * LINGER_MS);
      expect([...node.backplane.wanted]).toEqual(['a']);
    });
  });
});

describe('what the engine holds', () => {
  const ask = async (after: number): Promise<void> => {
    expect(node.loop.tryAsk('a', after)).toBe(true);
    await node.bridgeReads();
  };

  it('is asked for, behind what was published before', async () => {
    await node.subscribe('a');
    node.publisher.publish('a', 0, 'x', 0, 0);
    await ask(3);
    expect(node.backplane.replays).toEqual([{ channel: 'a', after: 3 }]);
  });

  it('is asked for when it is not yet known where the channel stands', async () => {
    node.setSubscribers('a', 1);
    await ask(3);
    expect(node.backplane.replays).toEqual([{ channel: 'a', after: 3 }]);
    node.placed('a', LIFE, 5);
    node.replayed('a', 3, ['four', 'five']);
    expect(node.told()).toEqual([placed(5), replay(4, 'four'), replay(5, 'five'), placed(5, { from: 3 })]);
  });

  it('is not asked for when nobody wants the channel', async () => {
    await ask(3);
    expect(node.backplane.replays).toEqual([]);
  });

  it('is there for who looks back, with what came since', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 5);
    const { epoch } = node.position('a');
    expect(node.history.read('a', { epoch, sequence: 3 }, 10).complete).toBe(false);
    await ask(3);
    node.arrives('a', 'six');
    node.replayed('a', 3, ['four', 'five', 'six']);
    node.arrives('a', 'seven');
    const { messages, complete } = node.history.read('a', { epoch, sequence: 3 }, 10);
    expect(messages.map(({ sequence, data }) => `${sequence} ${data}`)).toEqual([
      '4 four',
      '5 five',
      '6 six',
      '7 seven',
    ]);
    expect(complete).toBe(true);
    expect(node.history.read('a', { epoch, sequence: 2 }, 10).complete).toBe(false);
  });

  it('is answered when it is nothing', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 5);
    await ask(3);
    node.replayed('a', 3, []);
    expect(node.told()).toEqual([placed(5), placed(5, { from: 3 })]);
  });

  it('is copied as far as there is room, the newest first', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 1000);
    await ask(0);
    node.replayed('a', 0, numbers(1, 1000).map(String));
    const told = node.told();
    const copied = told.filter(({ what }) => what === 'replay').map(({ sequence }) => sequence);
    expect(copied.length).toBeGreaterThan(50);
    expect(copied).toEqual(numbers(1001 - copied.length, 1000));
    expect(told.at(-1)).toEqual(placed(1000, { from: 0 }));
  });

  it('leaves what the log holds as it is when less of it is asked for again', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 5);
    const { epoch } = node.position('a');
    node.replayed('a', 1, ['two', 'three', 'four', 'five']);
    node.replayed('a', 3, ['four', 'five']);
    expect(node.history.read('a', { epoch, sequence: 1 }, 10)).toMatchObject({ sequence: 5, complete: true });
    expect(node.told().filter(({ what }) => what === 'replay').length).toBe(4);
  });

  it('leaves the channel where it stands when there is room for some of it only', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 50);
    node.fill();
    await node.bridgeReads();
    node.told(40);
    node.arrives('a', 'fifty-one');
    const before = node.position('a');
    node.replayed('a', 1, numbers(2, 51).map(String));
    expect(node.position('a')).toEqual(before);
    const { messages } = node.history.read('a', undefined, 10);
    expect(messages.map(({ sequence, data }) => `${sequence} ${data}`)).toEqual(['51 fifty-one']);
    expect(node.told().filter(({ what }) => what === 'replay').length).toBeGreaterThan(0);
  });

  it('is not told of when nobody wants the channel any more', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 5);
    await ask(3);
    await node.subscribe('a', 0);
    vi.advanceTimersByTime(LINGER_MS);
    node.told();
    node.replayed('a', 3, ['four', 'five']);
    node.arrives('a', 'six');
    node.placed('a', LIFE, 9);
    node.backplane.events.onMissed({ channel: 'a', count: 1 });
    vi.advanceTimersByTime(RETRY_MS);
    expect(node.told()).toEqual([]);
  });

  it('is answered, without it, when the log was full, and what came meanwhile is told of', async () => {
    await node.subscribe('a');
    node.placed('a', LIFE, 5);
    await ask(3);
    node.fill();
    node.replayed('a', 3, ['four', 'five']);
    node.arrives('a', 'six');
    vi.advanceTimersByTime(RETRY_MS);
    node.told();
    await node.bridgeReads();
    vi.advanceTimersByTime(RETRY_MS);
    expect(node.told()).toEqual([placed(5, { from: 3 }), { what: 'gap', sequence: 6, count: 1 }]);
  });
});

function placed(sequence: number, { life = LIFE, from = Number.POSITIVE_INFINITY } = {}): Told {
  return { what: 'placed', life, sequence, from };
}
function message(sequence: number, text: string): Told {
  return { what: 'message', sequence, text };
}
function replay(sequence: number, text: string): Told {
  return { what: 'replay', sequence, text };
}
