/** The client against a server that is neither ours nor of the package below it. */
import { type ConnectOptions, connect, type UpgradeRejectedError, type WebSocket } from 'polyloop';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Arrivals } from '../harness/arrivals.ts';
import type { Closed } from '../harness/peer.ts';
import { findPython, PythonServer } from '../harness/python-server.ts';

/** As in the program. */
const MAX_SIZE = 100_000;

const python = findPython();
if (python === undefined) {
  console.warn(
    'no Python with websockets here (Debian: python3-websockets): the client is not tried against it',
  );
}

let server: PythonServer;

/** A connection, and what it receives: text, bytes, and pings and pongs as `ping …`. */
interface Received {
  readonly ws: WebSocket;
  readonly events: Arrivals<unknown>;
  /** How the server saw it closed. */
  closed(): Promise<Closed>;
}

describe.skipIf(python === undefined).each([true, false])(
  'against Python’s websockets, compression: %s',
  (compression) => {
    beforeAll(async () => {
      server = await PythonServer.start(python ?? '');
    });
    afterAll(() => server.close());

    let opened = 0;

    const connectTo = (path: string, options: ConnectOptions = {}): Promise<WebSocket> =>
      connect(server.url(path, compression), { compression, ...options });

    async function open(route: string, options?: ConnectOptions): Promise<Received> {
      const path = `${route}${route.includes('?') ? '&' : '?'}id=${++opened}`;
      const ws = await connectTo(path, options);
      onTestFinished(() => ws.terminate());
      const events = new Arrivals<unknown>();
      ws.onText((_, text) => events.add(text));
      ws.onBinary((_, bytes) => events.add([...bytes]));
      ws.onPing((_, payload) => events.add(`ping ${Buffer.from(payload)}`));
      ws.onPong((_, payload) => events.add(`pong ${Buffer.from(payload)}`));
      return { ws, events, closed: () => server.closed(path) };
    }

    it.each([
      ['text', 'grüße, 世界 👋🏽'],
      ['empty text', ''],
      ['text with a 16-bit length', 'ä'.repeat(500)],
      ['text with a 64-bit length', 'ä'.repeat(40_000)],
      ['binary', [0, 1, 254, 255]],
      ['empty binary', []],
      ['binary with a 64-bit length', Array(70_000).fill(7)],
    ])('gets back what it sent when it is %s', async (_, message) => {
      const { ws, events, closed } = await open('/echo');
      ws.send(typeof message === 'string' ? message : Uint8Array.from(message));
      expect(await events.next()).toEqual(message);
      ws.close();
      expect(await ws.onClose).toEqual({ code: 1000, reason: '', wasClean: true });
      expect(await closed()).toEqual({ code: 1000, reason: '' });
    });

    it('gets back all that it sent, in order, when text, bytes and pings are mixed, compressed or not', async () => {
      const { ws, events } = await open('/echo');
      for (let i = 0; i < 100; i++) {
        ws.send(`text ${i}`.repeat(20), { compress: i % 2 === 0 });
        ws.send(Uint8Array.of(i), { compress: i % 3 === 0 });
        ws.send(Buffer.from(`bytes ${i}`), { binary: false });
      }
      for (let i = 0; i < 100; i++) {
        expect(await events.next()).toBe(`text ${i}`.repeat(20));
        expect(await events.next()).toEqual([i]);
        expect(await events.next()).toBe(`bytes ${i}`);
      }
      ws.close();
    });

    it('receives messages as one when the server sends them in fragments', async () => {
      const { ws, events } = await open('/fragments');
      expect(await events.next()).toBe('one two three');
      expect(await events.next()).toEqual([1, 2, 3]);
      ws.send('👋🏽 in many');
      expect(await events.next()).toBe('👋🏽 in many');
      ws.send(Uint8Array.of(9, 8, 7));
      expect(await events.next()).toEqual([9, 8, 7]);
      ws.close();
    });

    it('answers pings, and has its own answered', async () => {
      const { ws, events } = await open('/ping');
      ws.send('now');
      expect(await events.next()).toBe('ping are you there?');
      expect(await events.next()).toBe('ponged');
      ws.ping('and you?');
      expect(await events.next()).toBe('pong and you?');
      ws.close();
    });

    it('has the subprotocol that both know, and permessage-deflate when both want it', async () => {
      const { ws, events } = await open('/about', { protocols: ['other', 'chat.v1'] });
      expect(ws.protocol).toBe('chat.v1');
      const extensions = compression ? ['permessage-deflate'] : [];
      expect(JSON.parse(String(await events.next()))).toEqual(['chat.v1', extensions]);
      ws.close();
    });

    it.each([1000, 1001, 1008, 1011, 1012, 3000, 4999])(
      'sees code and reason when the server closes with %i',
      async (code) => {
        const { ws, closed } = await open(`/close?code=${code}&reason=b%C3%A6`);
        expect(await ws.onClose).toEqual({ code, reason: 'bæ', wasClean: true });
        expect(await closed()).toEqual({ code, reason: 'bæ' });
      },
    );

    it.each([1000, 1001, 1008, 1011, 1012, 3000, 4999])(
      'shows the server code and reason when it closes with %i',
      async (code) => {
        const { ws, closed } = await open('/echo');
        ws.close(code, 'bæ');
        expect(await ws.onClose).toMatchObject({ code, wasClean: true });
        expect(await closed()).toEqual({ code, reason: 'bæ' });
      },
    );

    it.each([
      ['the server drops the connection', '/leave', () => {}],
      ['it drops the connection itself', '/echo', (ws: WebSocket) => ws.terminate()],
    ])('ends with 1006 when %s', async (_, path, leave) => {
      const { ws, closed } = await open(path);
      leave(ws);
      expect(await ws.onClose).toMatchObject({ code: 1006, wasClean: false });
      expect(await closed()).toEqual({ code: 1006, reason: '' });
    });

    it('rejects with status, headers and body when the handshake is refused', async () => {
      const error = await connectTo('/forbidden', { headers: { 'X-Token': 'wrong' } }).catch(
        (error) => error,
      );
      const { name, status, headers, body } = error as UpgradeRejectedError;
      expect([name, status, body]).toEqual(['UpgradeRejectedError', 403, 'not for you\n']);
      expect(headers.get('x-why')).toBe('wrong');
    });

    it('closes with 1009, and receives nothing of it, when a message is over maxPayload', async () => {
      const { ws, events, closed } = await open('/large?bytes=50001', { maxPayload: 50_000 });
      expect(await ws.onClose).toMatchObject({ code: 1006, reason: expect.stringMatching(/max payload/i) });
      // The server sees the close frame.
      expect(await closed()).toEqual({ code: 1009, reason: '' });
      expect(events.untaken).toEqual([]);
    });

    it('receives a message that is as long as maxPayload', async () => {
      const { ws, events } = await open('/large?bytes=50000', { maxPayload: 50_000 });
      expect(await events.next()).toBe('x'.repeat(50_000));
      ws.close();
    });

    it('sees 1009 when what it sends is too long for the server', async () => {
      const { ws } = await open('/echo');
      ws.send('x'.repeat(MAX_SIZE + 1));
      expect(await ws.onClose).toMatchObject({ code: 1009, wasClean: true });
    });
  },
);
