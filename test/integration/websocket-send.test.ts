import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('remote-app.js');
});
afterAll(() => server.close());

describe('what kind of frame send makes', () => {
  it('sends a text frame when given a string', async () => {
    const client = await Client.open(server.url('/remote/string'));
    expect(await server.run('string', (ws) => ws.send('grüße, 世界 👋🏽'))).toBe('sent');
    expect(await client.next()).toBe('grüße, 世界 👋🏽');
    client.socket.terminate();
  });

  it('sends a binary frame of exactly the bytes in view when given bytes of any kind', async () => {
    const client = await Client.open(server.url('/remote/bytes'));
    await server.run('bytes', (ws) => {
      const memory = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7).buffer;
      const shared = new SharedArrayBuffer(8);
      new Uint8Array(shared).set([10, 11, 12, 13, 14, 15, 16, 17]);
      ws.send(new Uint8Array(memory));
      ws.send(memory);
      ws.send(new Uint8Array(memory, 2, 3));
      ws.send(new DataView(memory, 3, 2));
      ws.send(new Uint16Array(memory, 4, 1));
      ws.send(Buffer.from('buffer'));
      ws.send(shared);
      ws.send(new Uint8Array(shared, 1, 4));
      ws.send(new DataView(shared, 6));
      ws.send(new Uint8Array());
    });
    for (const expected of [
      [0, 1, 2, 3, 4, 5, 6, 7],
      [0, 1, 2, 3, 4, 5, 6, 7],
      [2, 3, 4],
      [3, 4],
      [4, 5],
      [...Buffer.from('buffer')],
      [10, 11, 12, 13, 14, 15, 16, 17],
      [11, 12, 13, 14],
      [16, 17],
      [],
    ]) {
      expect(await client.next()).toEqual(Buffer.from(expected));
    }
    client.socket.terminate();
  });

  it('sends bytes as text without decoding them when binary is false', async () => {
    const client = await Client.open(server.url('/remote/bytes-as-text'));
    await server.run('bytes-as-text', (ws) => {
      const bytes = new TextEncoder().encode('prefix: häppy 🎉');
      const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
      shared.set(bytes);
      ws.send(bytes, { binary: false });
      ws.send(shared.subarray(8), { binary: false });
      ws.send(new DataView(shared.buffer, 0, 6), { binary: false });
    });
    expect(await client.next()).toBe('prefix: häppy 🎉');
    expect(await client.next()).toBe('häppy 🎉');
    expect(await client.next()).toBe('prefix');
    client.socket.terminate();
  });

  it('sends a string as UTF-8 bytes when binary is true', async () => {
    const client = await Client.open(server.url('/remote/string-as-bytes'));
    await server.run('string-as-bytes', (ws) => ws.send('é🎉', { binary: true }));
    expect(await client.next()).toEqual(Buffer.from('é🎉'));
    client.socket.terminate();
  });

  it('keeps the kind of frame when only compress is given', async () => {
    const client = await Client.open(server.url('/remote/compress-only'));
    await server.run('compress-only', (ws) => {
      ws.send('text', { compress: false });
      ws.send(Uint8Array.of(1), { compress: false });
    });
    expect(await client.next()).toBe('text');
    expect(await client.next()).toEqual(Buffer.of(1));
    client.socket.terminate();
  });

  it.each([
    ['text', false],
    ['bytes', true],
  ])('sends U+FFFD in place of each lone surrogate when it is sent as %s', async (kind, binary) => {
    const client = await Client.open(server.url(`/remote/surrogates-${kind}`));
    await server.run(
      `surrogates-${kind}`,
      (ws, binary) => ws.send('a\ud800b\udc00\ud83d\ude00', { binary }),
      binary,
    );
    expect((await client.next()).toString()).toBe('a\ufffdb\ufffd😀');
    client.socket.terminate();
  });
});

it('sends messages in the order of the calls when text, bytes and pings are mixed', async () => {
  const client = await Client.open(server.url('/remote/order'));
  const arrivals: string[] = [];
  client.socket.on('ping', (payload: Buffer) => arrivals.push(`ping ${payload}`));
  client.socket.on('message', (data: Buffer) => arrivals.push(String(data)));
  await server.run('order', (ws) => {
    for (let i = 0; i < 50; i++) {
      ws.send(`${i}`);
      ws.ping(`${i}`);
      ws.send(Buffer.from(`${i}`));
    }
    ws.close();
  });
  await client.closed;
  expect(arrivals).toEqual(Array.from({ length: 50 }, (_, i) => [`${i}`, `ping ${i}`, `${i}`]).flat());
});

it('leaves the bytes to the caller, who may change them once send has returned', async () => {
  const client = await Client.open(server.url('/remote/reused'));
  await server.run('reused', (ws) => {
    const bytes = new Uint8Array(4);
    for (let i = 1; i <= 3; i++) ws.send(bytes.fill(i));
    bytes.fill(9);
  });
  for (let i = 1; i <= 3; i++) expect(await client.next()).toEqual(Buffer.alloc(4, i));
  client.socket.terminate();
});

describe('the counters', () => {
  let counting: FixtureServer;
  beforeAll(async () => {
    counting = await FixtureServer.start('remote-app.js');
  });
  afterAll(() => counting.close());

  it('count messages and bytes of both directions, text by its UTF-8 form', async () => {
    const client = await Client.open(counting.url('/echo'));
    for (const message of ['four', 'größe', new Uint8Array(10)]) {
      client.send(message);
      await client.next();
    }
    expect(await counting.total('messagesIn')).toBe(3);
    expect(await counting.total('messagesOut')).toBe(3);
    expect(await counting.total('bytesIn')).toBe(4 + 7 + 10);
    expect(await counting.total('bytesOut')).toBe(4 + 7 + 10);
    client.socket.terminate();
  });
});
