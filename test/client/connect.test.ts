/** What only a client has: options, failures, servers that misbehave. The rest is in test/websocket. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { constants, deflateRawSync } from 'node:zlib';
import { type ConnectOptions, connect, UpgradeRejectedError } from 'polyloop';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { closePayload, frame, Opcode } from '../harness/frames.ts';
import { freePort } from '../harness/free-port.ts';
import { until } from '../harness/until.ts';

const CLOSE_FRAME = 0x88;
/** A server does not mask. */
const PLAIN = { isMasked: false };
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

  it('takes a wrong amount for what it is', async () => {
    await expect(connect('ws://127.0.0.1:1/', { maxPayload: -1 })).rejects.toThrow(RangeError);
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
    ['the answer is not HTTP', () => 'this is no HTTP\r\n\r\n'],
    ['the head of the answer has no end', () => `HTTP/1.1 101 X\r\nX: ${'x'.repeat(100_000)}`],
    ['the upgrade is to something else', () => 'HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
  ])('rejects with CONNECT_PROTOCOL when %s', async (_, answer) => {
    expect(await refusalOf(await rawServer(answer))).toMatchObject({ code: 'CONNECT_PROTOCOL' });
  });

  it('rejects with CONNECT_PROTOCOL when it selects none of the subprotocols that were offered', async () => {
    const url = await rawServer((accept) => switching(accept));
    expect(await refusalOf(url, { protocols: ['chat'] })).toMatchObject({ code: 'CONNECT_PROTOCOL' });
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

  /** A server that writes `bytes` behind its 101, and never ends the connection; with the code of the close frame that comes back. */
  async function rude(bytes: Buffer): Promise<{ url: string; answered: Promise<number> }> {
    let tell: (code: number) => void = () => {};
    const answered = new Promise<number>((resolve) => {
      tell = resolve;
    });
    const url = await rawServer((accept, socket) => {
      socket.once('data', (answer) => {
        // A head of two bytes, four of mask, two of code.
        const [first, , m0 = 0, m1 = 0, , , c0 = 0, c1 = 0] = answer;
        tell(first === CLOSE_FRAME ? ((c0 ^ m0) << 8) | (c1 ^ m1) : Number.NaN);
      });
      return Buffer.concat([Buffer.from(switching(accept)), bytes]);
    });
    return { url, answered };
  }

  it.each<[string, number, Buffer]>([
    ['announces a message of 2^63 bytes', 1009, Buffer.from([0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0])],
    ['announces a message of 2^53 bytes', 1009, Buffer.from([0x82, 127, 0, 0x20, 0, 0, 0, 0, 0, 0])],
    ['announces one above maxPayload', 1009, Buffer.from([0x82, 127, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff])],
    ['masks a frame', 1002, frame(Opcode.text, 'x')],
    ['sends a frame with a reserved bit', 1002, frame(Opcode.text, 'x', { ...PLAIN, reserved: 2 })],
    ['compresses without agreement', 1002, frame(Opcode.text, 'x', { ...PLAIN, reserved: 4 })],
    ['sends an opcode that nobody knows', 1002, frame(3, 'x', PLAIN)],
    ['continues a message that has not begun', 1002, frame(Opcode.continuation, 'x', PLAIN)],
    ['sends half a ping', 1002, frame(Opcode.ping, 'x', { ...PLAIN, isFinal: false })],
    ['sends a ping that is too long', 1002, frame(Opcode.ping, 'x'.repeat(126), PLAIN)],
    ['closes with a code that may not be sent', 1002, frame(Opcode.close, closePayload(1005), PLAIN)],
    ['closes with half a code', 1002, frame(Opcode.close, Uint8Array.of(3), PLAIN)],
    ['sends invalid UTF-8', 1007, frame(Opcode.text, Uint8Array.of(0xff), PLAIN)],
    [
      'sends fragments without end',
      1008,
      Buffer.concat([
        frame(Opcode.text, '', { ...PLAIN, isFinal: false }),
        Buffer.alloc(40_000), // Two zeros are one more.
      ]),
    ],
  ])(
    'closes, says why to the server and to onClose, and receives nothing, when it %s',
    async (_, code, bytes) => {
      const { url, answered } = await rude(bytes);
      const ws = await connect(url);
      const seen: unknown[] = [];
      ws.onMessage((_, message) => void seen.push(message));
      ws.onPing((_, payload) => void seen.push(payload));
      expect(await ws.onClose).toEqual({ code: 1006, reason: expect.stringMatching(/./), wasClean: false });
      expect(await answered).toBe(code);
      expect(seen).toEqual([]);
      expect(ws.isClosed).toBe(true);
    },
  );

  it('tells a server why it ends when that reads late and has much more on its way', async () => {
    let server: Socket | undefined;
    const url = await rawServer((accept, socket) => {
      server = socket.pause();
      return Buffer.concat([
        Buffer.from(switching(accept)),
        frame(Opcode.text, 'x', { ...PLAIN, reserved: 2 }),
        Buffer.alloc(10 * 1024 * 1024),
      ]);
    });
    const ws = await connect(url);
    await until(() => ws.isClosed);
    const told = new Promise<number | undefined>((resolve) =>
      server?.once('data', ([first]) => resolve(first)),
    );
    server?.resume();
    expect(await told).toBe(CLOSE_FRAME);
    expect(await ws.onClose).toMatchObject({ code: 1006, wasClean: false });
  });

  it('sees 1005 when it closes without a code', async () => {
    const { url } = await rude(frame(Opcode.close, '', PLAIN));
    const ws = await connect(url);
    expect(await ws.onClose).toEqual({ code: 1005, reason: '', wasClean: true });
  });

  it('receives a small message when its length is written with 64 bits', async () => {
    const { url } = await rude(frame(Opcode.text, 'small', { ...PLAIN, lengthBytes: 8 }));
    const ws = await connect(url);
    expect(await new Promise((resolve) => ws.onText((_, text) => resolve(text)))).toBe('small');
    ws.terminate();
  });

  it('ends with 1006 when it cuts the connection within a frame', async () => {
    const url = await rawServer((accept, socket) => {
      socket.end(Buffer.concat([Buffer.from(switching(accept)), Buffer.from([0x81])]));
      return null;
    });
    const ws = await connect(url);
    expect(await ws.onClose).toEqual({ code: 1006, reason: '', wasClean: false });
  });

  it('closes with 1009, and takes little memory, when a megabyte inflates to a gigabyte', async () => {
    const zeros = deflateRawSync(Buffer.alloc(16 * 1024 * 1024), { finishFlush: constants.Z_FULL_FLUSH });
    const bomb = Buffer.concat(Array(64).fill(zeros));
    const before = process.resourceUsage().maxRSS;
    let told: Promise<unknown[]> = Promise.resolve([]);
    const url = await wsServer(
      (socket) => {
        told = once(socket, 'close');
        wire?.write(frame(Opcode.binary, bomb, { ...PLAIN, reserved: 4 }));
      },
      {
        perMessageDeflate: true,
        verifyClient: ({ req }: { req: { socket: Socket } }) => {
          wire = req.socket;
          return true;
        },
      },
    );
    let wire: Socket | undefined;
    const ws = await connect(url, { compression: true, maxPayload: 1024 * 1024 });
    const seen: unknown[] = [];
    ws.onMessage((_, message) => void seen.push(message));
    expect(await ws.onClose).toEqual({ code: 1006, reason: 'Max payload size exceeded', wasClean: false });
    expect((await told)[0]).toBe(1009);
    expect(seen).toEqual([]);
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(200 * 1024);
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
