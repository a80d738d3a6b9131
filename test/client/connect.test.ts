/** The client against servers that are not ours, well-behaved and not. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { type ConnectOptions, connect, UpgradeRejectedError, type WebSocket } from 'polyloop';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { freePort } from '../harness/free-port.ts';

const KEY_SALT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A server of the ws package; `serve` gets each connection. */
async function wsServer(serve: (socket: import('ws').WebSocket) => void, options = {}): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  server.on('connection', serve);
  await once(server, 'listening');
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** A server that answers each handshake with what `answer` makes of its key. */
async function rawServer(
  answer: (accept: string, socket: Socket) => string | Buffer | null,
): Promise<string> {
  const sockets = new Set<Socket>();
  const server: NetServer = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', (head) => {
      const key = /sec-websocket-key: (.*)\r\n/i.exec(head.toString())?.[1] ?? '';
      const bytes = answer(
        createHash('sha1')
          .update(key + KEY_SALT)
          .digest('base64'),
        socket,
      );
      if (bytes !== null) socket.write(bytes);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const switching = (accept: string, more = ''): string =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${more}\r\n`;

async function refusalOf(url: string, options?: ConnectOptions): Promise<unknown> {
  try {
    (await connect(url, options)).terminate();
  } catch (error) {
    return error;
  }
  return 'connected';
}

afterEach(() => vi.restoreAllMocks());

describe('against a server of another package', () => {
  it('sends and receives text and binary, pings and pongs, and closes with code and reason', async () => {
    const url = await wsServer((socket) => {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
      socket.on('ping', (payload) => socket.ping(`back ${payload}`));
      socket.on('close', (code, reason) => closes.push([code, String(reason)]));
    });
    const closes: unknown[] = [];
    const ws = await connect(url);
    expect(ws.isClosed).toBe(false);
    const events: unknown[] = [];
    ws.onText((_, text) => void events.push(text));
    ws.onBinary((_, bytes) => void events.push([...bytes]));
    ws.onPong((_, payload) => void events.push(`pong ${Buffer.from(payload)}`));
    const pinged = new Promise((resolve) =>
      ws.onPing((_, payload) => resolve(Buffer.from(payload).toString())),
    );
    expect(ws.send('text ä')).toBe('sent');
    expect(ws.send(new Uint8Array([1, 2, 3]))).toBe('sent');
    expect(ws.send(Buffer.from('bytes as text'), { binary: false })).toBe('sent');
    ws.ping('here');
    expect(await pinged).toBe('back here');
    expect(events).toEqual(['text ä', [1, 2, 3], 'bytes as text', 'pong here']);
    ws.close(4001, 'enough');
    expect(await ws.onClose).toEqual({ code: 4001, reason: 'enough', wasClean: true });
    expect(closes).toEqual([[4001, 'enough']]);
    expect([ws.isClosed, ws.send('late'), ws.ping(), ws.bufferedAmount]).toEqual([
      true,
      'closed',
      'closed',
      0,
    ]);
    ws.close();
    ws.terminate();
  });

  it('keeps what arrives before the first callback is set, in order', async () => {
    const url = await wsServer((socket) => {
      for (let i = 0; i < 100; i++) socket.send(`${i}`);
      socket.send(Buffer.from([7]));
    });
    const ws = await connect(url);
    const seen: unknown[] = [];
    await new Promise<void>((resolve) => {
      ws.onText((_, text) => void seen.push(text));
      ws.onBinary((_, bytes) => {
        seen.push([...bytes]);
        resolve();
      });
    });
    expect(seen).toEqual([...Array.from({ length: 100 }, (_, i) => `${i}`), [7]]);
    ws.terminate();
  });

  it('negotiates a subprotocol and compression, and sends headers, when asked to', async () => {
    let headers: Record<string, unknown> = {};
    const url = await wsServer((socket) => socket.send('x'.repeat(1000)), {
      perMessageDeflate: { threshold: 0 },
      verifyClient: ({ req }: { req: { headers: Record<string, unknown> } }) => {
        headers = req.headers;
        return true;
      },
    });
    const ws = await connect(url, {
      protocols: ['b', 'a'],
      headers: { 'x-token': 'secret' },
      compression: true,
    });
    expect(ws.protocol).toBe('b');
    expect(headers).toMatchObject({ 'x-token': 'secret' });
    expect(headers['sec-websocket-extensions']).toContain('permessage-deflate');
    expect(await new Promise((resolve) => ws.onText((_, text) => resolve(text)))).toBe('x'.repeat(1000));
    ws.terminate();
  });

  it('closes with 1011 and tells onError when a callback throws or rejects', async () => {
    const url = await wsServer((socket) => {
      socket.send('go');
      socket.on('close', (code) => codes.push(code));
    });
    const codes: number[] = [];
    const errors: unknown[] = [];
    const onError = (error: unknown, callback: string): void => void errors.push([String(error), callback]);
    for (const fail of [
      () => {
        throw new Error('thrown');
      },
      () => Promise.reject(new Error('rejected')),
    ]) {
      const ws = await connect(url, { onError });
      ws.onText(fail);
      expect((await ws.onClose).code).toBe(1011);
    }
    expect(errors).toEqual([
      ['Error: thrown', 'onText'],
      ['Error: rejected', 'onText'],
    ]);
    await expect.poll(() => codes).toEqual([1011, 1011]);
  });

  it('answers buffered, then dropped, and tells onDrain when the server reads again', async () => {
    const url = await wsServer((socket) => {
      socket.pause();
      server = socket;
    });
    let server: import('ws').WebSocket | undefined;
    const ws = await connect(url, { maxBackpressure: 1024 * 1024 });
    const drained = new Promise((resolve) => ws.onDrain((ws) => resolve(ws.bufferedAmount)));
    const outcomes = new Set<string>();
    while (!outcomes.has('dropped')) outcomes.add(ws.send(new Uint8Array(256 * 1024)));
    expect([...outcomes].at(-2)).toBe('buffered');
    expect(ws.droppedMessages).toBe(1);
    server?.resume();
    expect(await drained).toBe(0);
    ws.terminate();
    expect((await ws.onClose).code).toBe(1006);
  });

  it('takes wrong arguments for what they are', async () => {
    const url = await wsServer(() => {});
    const ws = await connect(url);
    expect(() => ws.close(1005)).toThrow(RangeError);
    expect(() => ws.close(1000, 'x'.repeat(124))).toThrow(RangeError);
    expect(() => ws.ping('x'.repeat(126))).toThrow(RangeError);
    expect(() => ws.send(5 as never)).toThrow(TypeError);
    ws.terminate();
    await expect(connect(url, { maxPayload: -1 })).rejects.toThrow(RangeError);
  });
});

describe('against a server that misbehaves', () => {
  it('rejects with status, headers and the first 8 KiB of the body when the handshake is refused', async () => {
    const url = await rawServer(
      () => `HTTP/1.1 403 Forbidden\r\nX-Why: because\r\nConnection: close\r\n\r\n${'n'.repeat(20_000)}`,
    );
    const error = (await refusalOf(url)) as UpgradeRejectedError;
    expect(error).toBeInstanceOf(UpgradeRejectedError);
    expect([error.status, error.headers.get('x-why'), error.body]).toEqual([
      403,
      'because',
      'n'.repeat(8192),
    ]);
  });

  it.each<[string, (accept: string) => string]>([
    ['the accept key is wrong', () => switching('AAAAAAAAAAAAAAAAAAAAAAAAAAA=')],
    [
      'a subprotocol is selected that was not offered',
      (accept) => switching(accept, 'Sec-WebSocket-Protocol: x\r\n'),
    ],
    [
      'an extension is agreed on that was not offered',
      (accept) => switching(accept, 'Sec-WebSocket-Extensions: permessage-deflate\r\n'),
    ],
    ['the upgrade is to something else', () => 'HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
  ])('rejects with CONNECT_PROTOCOL when %s', async (_, answer) => {
    expect(await refusalOf(await rawServer(answer))).toMatchObject({ code: 'CONNECT_PROTOCOL' });
  });

  it.each<[string, string | null]>([
    ['never answers', null],
    ['answers half a head', 'HTTP/1.1 101 Switch'],
    ['refuses with a body that never ends', 'HTTP/1.1 500 X\r\nContent-Length: 100\r\n\r\nhalf'],
  ])('rejects with CONNECT_TIMEOUT when it %s', async (_, answer) => {
    const url = await rawServer(() => answer);
    expect(await refusalOf(url, { handshakeTimeoutMs: 200 })).toMatchObject({ code: 'CONNECT_TIMEOUT' });
  });

  it('rejects with codes that say what failed', async () => {
    const refused = `ws://127.0.0.1:${await freePort()}/`;
    expect(await refusalOf(refused)).toMatchObject({ code: 'CONNECT_REFUSED' });
    expect(await refusalOf('ws://does-not-exist.invalid/')).toMatchObject({ code: 'CONNECT_DNS' });
    const plain = await rawServer(() => 'this is no TLS');
    expect(await refusalOf(plain.replace('ws:', 'wss:'))).toMatchObject({ code: 'CONNECT_TLS' });
    const reset = await rawServer((_, socket) => {
      socket.resetAndDestroy();
      return null;
    });
    expect(await refusalOf(reset)).toMatchObject({ code: 'CONNECT_FAILED' });
    for (const url of ['no url', 'http://127.0.0.1', 'ws://x/#fragment']) {
      const error = await refusalOf(url);
      expect(error).toMatchObject({ code: 'CONNECT_INVALID', message: expect.stringContaining(url) });
    }
    expect(await refusalOf('ws://x', { protocols: ['a b'] })).toMatchObject({ code: 'CONNECT_INVALID' });
    expect(await refusalOf('ws://x', { headers: { 'a b': 'c' } })).toMatchObject({ code: 'CONNECT_INVALID' });
  });

  it.each<[string, (accept: string) => Buffer, number]>([
    [
      'closes without a code',
      (accept) => Buffer.concat([Buffer.from(switching(accept)), Buffer.from([0x88, 0])]),
      1005,
    ],
    [
      'announces a message of 2^63 bytes',
      (accept) =>
        Buffer.concat([Buffer.from(switching(accept)), Buffer.from([0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0])]),
      1009,
    ],
    [
      'announces a message above maxPayload',
      (accept) =>
        Buffer.concat([
          Buffer.from(switching(accept)),
          Buffer.from([0x82, 127, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]),
        ]),
      1009,
    ],
    [
      'masks a frame',
      (accept) => Buffer.concat([Buffer.from(switching(accept)), Buffer.from([0x81, 0x81, 0, 0, 0, 0, 65])]),
      1002,
    ],
    [
      'sends invalid UTF-8',
      (accept) => Buffer.concat([Buffer.from(switching(accept)), Buffer.from([0x81, 1, 0xff])]),
      1007,
    ],
    [
      'cuts the connection',
      (accept) => Buffer.concat([Buffer.from(switching(accept)), Buffer.from([0x81])]),
      1006,
    ],
  ])('ends the connection when it %s', async (what, answer, code) => {
    const url = await rawServer((accept, socket) => {
      const sent = answer(accept);
      if (what.startsWith('cuts')) {
        socket.end(sent);
        return null;
      }
      socket.on('data', () => socket.end());
      return sent;
    });
    const ws: WebSocket = await connect(url);
    const event = await ws.onClose;
    // What the client finds wrong it closes for; the server's end of it is what counts as the close.
    expect([code, 1006]).toContain(event.code);
    expect(ws.isClosed).toBe(true);
  });

  it('closes and keeps nothing of a small message that inflates to more than maxPayload', async () => {
    const url = await wsServer((socket) => socket.send('x'.repeat(50 * 1024 * 1024)), {
      perMessageDeflate: { threshold: 0 },
    });
    const ws = await connect(url, { compression: true, maxPayload: 1024 * 1024 });
    const texts: string[] = [];
    ws.onText((_, text) => void texts.push(text));
    const { code, reason } = await ws.onClose;
    expect([1006, 1009]).toContain(code);
    expect(reason).toMatch(/max payload size exceeded|^$/i);
    expect(texts).toEqual([]);
  });

  it('ends with 1006, and says why, when half a frame and then nothing comes', async () => {
    const url = await rawServer((accept) =>
      Buffer.concat([Buffer.from(switching(accept)), Buffer.from([0x81, 100, 65])]),
    );
    const ws = await connect(url, { pingIntervalMs: 100 });
    expect(await ws.onClose).toEqual({
      code: 1006,
      reason: 'the server does not answer pings',
      wasClean: false,
    });
  });
});

describe('a signal', () => {
  it('rejects at once with its reason, and connects nowhere, when it was aborted before', async () => {
    const reason = new Error('changed my mind');
    await expect(connect('ws://127.0.0.1:1/', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('ends the attempt with its reason when it is aborted meanwhile', async () => {
    const reason = new Error('changed my mind');
    const controller = new AbortController();
    const url = await rawServer(() => {
      controller.abort(reason);
      return null;
    });
    await expect(connect(url, { signal: controller.signal })).rejects.toBe(reason);
  });

  it('closes the connection with 1001 when it is aborted afterwards', async () => {
    const url = await wsServer(() => {});
    const controller = new AbortController();
    const ws = await connect(url, { signal: controller.signal });
    controller.abort();
    expect(await ws.onClose).toMatchObject({ code: 1001, reason: 'aborted' });
  });
});
