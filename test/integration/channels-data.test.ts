import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChannelServer, type LoopScope, take } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';
import { Opcode } from '../harness/frames.ts';
import { RawClient } from '../harness/raw-client.ts';

/** With this log a record carries at most so much: a quarter of the ring, less its header (src/shared/log.ts). */
const LOG_BYTES = 64 * 1024;
const MOST_BYTES = LOG_BYTES / 4 - 28;
const PUBLISHING_LOOP = 0;
let server: ChannelServer;
/** A subscriber on the publisher's own loop, and one on another. */
let clients: Client[];

beforeAll(async () => {
  server = await ChannelServer.start({ workers: 2, logBytes: LOG_BYTES, compression: true });
  clients = [await server.join('near', 0), await server.join('far', 1)];
  await server.run(0, ({ member }) => member('near').subscribe('data'));
  await server.run(1, ({ member }) => member('far').subscribe('data'));
});
afterAll(() => server.close());

const FORMS: [string, (scope: LoopScope) => unknown, string | Buffer][] = [
  ['a string', ({ loop }) => loop.publish('data', 'text'), 'text'],
  ['an empty string', ({ loop }) => loop.publish('data', ''), ''],
  ['no bytes', ({ loop }) => loop.publish('data', new Uint8Array()), Buffer.alloc(0)],
  [
    'characters of every UTF-8 length',
    ({ loop }) => loop.publish('data', 'aß漢🦉\u0000\u{10FFFF}'),
    'aß漢🦉\u0000\u{10FFFF}',
  ],
  ['a lone surrogate', ({ loop }) => loop.publish('data', 'a\ud800b'), 'a\ufffdb'],
  [
    'an ArrayBuffer',
    ({ loop }) => loop.publish('data', new Uint8Array([0, 255]).buffer),
    Buffer.from([0, 255]),
  ],
  [
    'a view that begins inside its buffer',
    ({ loop }) => loop.publish('data', new Uint8Array([1, 2, 3, 4]).subarray(1, 3)),
    Buffer.from([2, 3]),
  ],
  [
    'a DataView',
    ({ loop }) => loop.publish('data', new DataView(new ArrayBuffer(4), 2)),
    Buffer.from([0, 0]),
  ],
  [
    'a view of wide elements',
    ({ loop }) => loop.publish('data', new Uint16Array([0x0201])),
    Buffer.from([1, 2]),
  ],
  [
    'a SharedArrayBuffer',
    ({ loop }) => loop.publish('data', new SharedArrayBuffer(3)),
    Buffer.from([0, 0, 0]),
  ],
  [
    'a string that is to be binary',
    ({ loop }) => loop.publish('data', 'ß', { binary: true }),
    Buffer.from('ß'),
  ],
  ['bytes that are to be text', ({ loop }) => loop.publish('data', Buffer.from('ß'), { binary: false }), 'ß'],
  [
    'data that is not to be compressed',
    ({ loop }) => loop.publish('data', 'plain', { compress: false }),
    'plain',
  ],
];

describe('a message', () => {
  it.each(FORMS)('arrives unchanged on both loops when it is %s', async (_, publish, expected) => {
    expect(await server.run(PUBLISHING_LOOP, publish)).toMatchObject({ ok: true });
    for (const client of clients) expect(await client.next()).toEqual(expected);
  });

  it('arrives unchanged for every length around a whole unit of the log, and at the end of the ring', async () => {
    const lengths = [...Array(200).keys(), 16 * 1024 - 100, MOST_BYTES];
    for (const length of lengths) {
      await server.run(
        PUBLISHING_LOOP,
        ({ loop }, length) => loop.publish('data', Buffer.alloc(length, length)),
        length,
      );
      for (const client of clients) {
        const received = await client.next();
        expect(Buffer.alloc(length, length).equals(received as Buffer), `${length} bytes`).toBe(true);
      }
    }
  });

  it('is refused as too large, and hurts nothing, when it has one byte more than a record holds', async () => {
    const results = await server.run(
      PUBLISHING_LOOP,
      ({ loop }, most) => [
        loop.publish('data', Buffer.alloc(most + 1)),
        loop.publish('data', 'ß'.repeat(most / 2 + 1)),
        loop.publish('data', 'after'),
      ],
      MOST_BYTES,
    );
    expect(results).toMatchObject([
      { ok: false, reason: 'too-large' },
      { ok: false, reason: 'too-large' },
      { ok: true },
    ]);
    for (const client of clients) expect(await client.next()).toBe('after');
  });

  it('is what it was at the call when the publisher changes its buffer afterwards', async () => {
    await server.run(PUBLISHING_LOOP, ({ loop }) => {
      const bytes = new Uint8Array([1, 1]);
      for (let i = 0; i < 100; i++) {
        bytes.fill(i);
        loop.publish('data', bytes);
      }
    });
    for (const client of clients) {
      expect(await take(client, 100)).toEqual(Array.from({ length: 100 }, (_, i) => Buffer.from([i, i])));
    }
  });

  it('is compressed for a client that negotiated it, unless compress is false', async () => {
    const extension = 'permessage-deflate; client_no_context_takeover; server_no_context_takeover';
    const open = (loop: number): Promise<RawClient> =>
      RawClient.open(server.fixture.port, `/member/${loop}/compressing`, {
        'Sec-WebSocket-Extensions': extension,
      });
    let client = await open(0);
    while ((await client.frame()).payload.includes('"loop":1')) client = await open(0);
    const length = 10_000;
    await server.run(
      0,
      ({ loop, member }, length) => {
        member('compressing').subscribe('compressed');
        loop.publish('compressed', 'a'.repeat(length));
        loop.publish('compressed', 'a'.repeat(length), { compress: false });
      },
      length,
    );
    const compressed = await client.frame();
    expect(compressed.opcode).toBe(Opcode.text);
    expect(compressed.payload.length).toBeLessThan(length / 10);
    expect((await client.frame()).payload.toString()).toBe('a'.repeat(length));
    client.leave();
  });
});
