import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChannelServer } from '../harness/channel-server.ts';

const LOG_BYTES = 64 * 1024;
let server: ChannelServer;
let channel: string;
let channels = 0;

beforeAll(async () => {
  server = await ChannelServer.start({ workers: 2, logBytes: LOG_BYTES });
});
afterAll(() => server.close());

beforeEach(() => {
  channel = `history ${channels++}`;
});

const publishNumbers = (count: number): Promise<void> =>
  server.run(
    0,
    async ({ loop }, channel, count) => {
      for (let i = 1; i <= count; i++) {
        // Full only until every loop has had a turn.
        while (!loop.publish(channel, `${i}`).ok) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    channel,
    count,
  );

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

describe('history', () => {
  it('is empty, complete and at sequence 0 when nothing was published', async () => {
    const history = await server.run(1, ({ loop }, channel) => loop.history(channel), channel);
    expect(history).toEqual({ epoch: expect.any(String), sequence: 0, messages: [], complete: true });
  });

  it('gives the newest 100 messages on every loop when no limit is given', async () => {
    await publishNumbers(150);
    for (const history of await server.runOnAll(({ loop }, channel) => loop.history(channel), channel)) {
      expect(history).toMatchObject({ sequence: 150, complete: true });
      expect(history.messages.map(({ data }) => data)).toEqual(numbers(51, 150));
      expect(history.messages.map(({ sequence }) => String(sequence))).toEqual(numbers(51, 150));
    }
  });

  it('gives the newest messages, as many as the limit says', async () => {
    await publishNumbers(20);
    for (const [limit, from] of [
      [0, 21],
      [1, 20],
      [19, 2],
      [20, 1],
      [1000, 1],
      [Number.MAX_SAFE_INTEGER, 1],
    ] as const) {
      const history = await server.run(
        1,
        ({ loop }, channel, limit) => loop.history(channel, { limit }),
        channel,
        limit,
      );
      expect(history).toMatchObject({ sequence: 20, complete: true });
      expect(
        history.messages.map(({ data }) => data),
        `limit ${limit}`,
      ).toEqual(numbers(from, 20));
    }
  });

  it('gives the oldest messages behind a position, so that one can read on page by page', async () => {
    await publishNumbers(25);
    const pages = await server.run(
      1,
      ({ loop }, channel) => {
        const { epoch } = loop.history(channel, { limit: 0 });
        const pages: unknown[][] = [];
        for (let sequence = 0; ; ) {
          const { messages, complete } = loop.history(channel, { after: { epoch, sequence }, limit: 10 });
          pages.push([complete, ...messages.map(({ data }) => data)]);
          const last = messages.at(-1);
          if (last === undefined) return pages;
          sequence = last.sequence;
        }
      },
      channel,
    );
    expect(pages).toEqual([
      [true, ...numbers(1, 10)],
      [true, ...numbers(11, 20)],
      [true, ...numbers(21, 25)],
      [true],
    ]);
  });

  it('gives text as strings and binary as bytes that the app may keep and change', async () => {
    const history = await server.run(
      1,
      ({ loop }, channel) => {
        loop.publish(channel, '');
        loop.publish(channel, 'ß🦉');
        loop.publish(channel, new Uint8Array([1, 255]));
        loop.publish(channel, 'as binary', { binary: true });
        loop.publish(channel, Buffer.from('as text'), { binary: false });
        const bytes = loop.history(channel).messages[2]?.data as Uint8Array<ArrayBuffer>;
        bytes.fill(7);
        const isOwn = bytes.buffer instanceof ArrayBuffer && bytes.buffer.byteLength === bytes.byteLength;
        const messages = loop
          .history(channel)
          .messages.map(({ data, isBinary, sequence }) => [
            sequence,
            isBinary,
            typeof data === 'string' ? data : [...data],
          ]);
        return { isOwn, messages };
      },
      channel,
    );
    expect(history).toEqual({
      isOwn: true,
      messages: [
        [1, false, ''],
        [2, false, 'ß🦉'],
        [3, true, [1, 255]],
        [4, true, [...Buffer.from('as binary')]],
        [5, false, 'as text'],
      ],
    });
  });

  it('gives what the log still holds, and says that it is incomplete, when messages were overwritten', async () => {
    const start = await server.run(0, ({ loop }, channel) => loop.history(channel), channel);
    const total = 5000;
    await publishNumbers(total);
    const [all, behind, newest] = await server.run(
      1,
      ({ loop }, channel, start) => [
        loop.history(channel, { limit: 10_000 }),
        loop.history(channel, { after: start, limit: 10_000 }),
        loop.history(channel, { limit: 10 }),
      ],
      channel,
      start,
    );
    // Records of one unit of 64 bytes each: the ring holds 1024 of them.
    const held = LOG_BYTES / 64;
    expect(all?.messages.map(({ data }) => data)).toEqual(numbers(total - held + 1, total));
    expect(behind).toMatchObject({ complete: false, sequence: total, messages: all?.messages });
    expect(newest).toMatchObject({ complete: true });
    expect(newest?.messages.map(({ data }) => data)).toEqual(numbers(total - 9, total));
  });

  it('leaves binary messages binary when a publish was refused that would have begun a new round of the ring', async () => {
    const small = await ChannelServer.start({ workers: 1, logBytes: LOG_BYTES, maxChannels: 1 });
    await small.join('a');
    const units = LOG_BYTES / 64;
    await small.run(0, ({ member }) => member('a').subscribe('held'));
    await small.run(
      0,
      async ({ loop }, count) => {
        for (let i = 0; i < count; i++) {
          while (!loop.publish('held', new Uint8Array([i])).ok)
            await new Promise((resolve) => setImmediate(resolve));
        }
      },
      2 * units - 8,
    );
    const refused = await small.run(0, async ({ loop }) => {
      for (;;) {
        const result = loop.publish('new', new Uint8Array(1000));
        if (result.ok || result.reason !== 'log-full') return result;
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    expect(refused).toEqual({ ok: false, reason: 'too-many-channels' });
    const { messages } = await small.run(0, ({ loop }, limit) => loop.history('held', { limit }), units);
    expect(messages.length).toBe(units);
    expect(messages.filter(({ isBinary }) => !isBinary)).toEqual([]);
    await small.close();
  });
});
