/** The client that comes back, while its server goes away and returns. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ConnectForeverOptions, connectForever, type LastingWebSocket } from 'polyloop';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { freePort } from '../harness/free-port.ts';

const QUICK = { firstMs: 20, maxMs: 50 };

/** Servers of the ws package, one after the other, on one port. */
class Returning {
  readonly port: number;
  readonly received: string[] = [];
  #server: WebSocketServer | undefined;

  private constructor(port: number) {
    this.port = port;
    onTestFinished(async () => {
      await this.stop();
    });
  }

  static async start(): Promise<Returning> {
    const returning = new Returning(await freePort());
    await returning.start();
    return returning;
  }

  async start(): Promise<void> {
    const server = new WebSocketServer({ port: this.port, host: '127.0.0.1' });
    this.#server = server;
    server.on('connection', (socket) => {
      socket.on('message', (data) => this.received.push(String(data)));
      socket.send('welcome');
    });
    await once(server, 'listening');
  }

  get clients(): number {
    return this.#server?.clients.size ?? 0;
  }

  /** Closes every connection with that code; without one, cuts them. */
  closeAll(code?: number): void {
    for (const client of this.#server?.clients ?? []) {
      if (code === undefined) client.terminate();
      else client.close(code);
    }
  }

  stop(): Promise<unknown> {
    this.closeAll();
    return new Promise((resolve) => (this.#server ? this.#server.close(resolve) : resolve(null)));
  }
}

function open(port: number, options: ConnectForeverOptions = {}): LastingWebSocket {
  const ws = connectForever(`ws://127.0.0.1:${port}/`, { backoff: QUICK, ...options });
  onTestFinished(() => ws.close());
  return ws;
}

describe('a connection that is lost', () => {
  it('comes back, says where it stopped first, and then sends what was queued, in order', async () => {
    const server = await Returning.start();
    const ws = open(server.port);
    expect([ws.isConnected, ws.send('before'), ws.bufferedAmount > 0]).toEqual([false, 'buffered', true]);
    ws.onConnect((ws) => void ws.send('hello'));
    ws.onReconnect((ws) => void ws.send('again'));
    await expect.poll(() => server.received).toEqual(['hello', 'before']);
    await server.stop();
    await expect.poll(() => ws.isConnected).toBe(false);
    const bytes = Buffer.from('as it was');
    expect([ws.send('one'), ws.send(bytes), ws.send('three')]).toEqual(['buffered', 'buffered', 'buffered']);
    bytes.fill(0);
    await server.start();
    await expect.poll(() => server.received.slice(2)).toEqual(['again', 'one', 'as it was', 'three']);
    expect(ws.send('now')).toBe('sent');
    await expect.poll(() => server.received.at(-1)).toBe('now');
  });

  it('gives messages of every connection to the callbacks that were set once', async () => {
    const server = await Returning.start();
    const ws = open(server.port);
    const texts: string[] = [];
    ws.onText((_, text) => void texts.push(text));
    for (let connection = 1; connection <= 3; connection++) {
      await expect.poll(() => texts.length).toBe(connection);
      server.closeAll();
    }
  });

  it('drops what has no room, and counts it, while there is no connection', async () => {
    const ws = open(await freePort(), { maxQueueBytes: 100 });
    const outcomes = Array.from({ length: 4 }, () => ws.send('x'.repeat(30)));
    expect(outcomes).toEqual(['buffered', 'buffered', 'dropped', 'dropped']);
    expect(ws.droppedMessages).toBe(2);
  });

  it.each([1001, 1011, 1012, 1013, 3000, 4000])('comes back after %d', async (code) => {
    const server = await Returning.start();
    const ws = open(server.port);
    let reconnects = 0;
    ws.onReconnect(() => void reconnects++);
    await expect.poll(() => server.clients).toBe(1);
    server.closeAll(code);
    await expect.poll(() => reconnects).toBe(1);
  });
});

describe('an end', () => {
  it.each([1000, 1002, 1003, 1007, 1008, 1009])('is what a server says with %d', async (code) => {
    const server = await Returning.start();
    const ws = open(server.port);
    await expect.poll(() => server.clients).toBe(1);
    server.closeAll(code);
    expect(await ws.onClose).toMatchObject({ code });
    expect([ws.isClosed, ws.send('late')]).toEqual([true, 'closed']);
  });

  it('is a code of the application that the options name', async () => {
    const server = await Returning.start();
    const ws = open(server.port, { finalCodes: [4001] });
    await expect.poll(() => server.clients).toBe(1);
    server.closeAll(4001);
    expect(await ws.onClose).toMatchObject({ code: 4001 });
  });

  it('is close, whether connected, waiting or connecting', async () => {
    const server = await Returning.start();
    const connected = open(server.port);
    await expect.poll(() => connected.isConnected).toBe(true);
    connected.close(4000, 'done');
    expect(await connected.onClose).toEqual({ code: 4000, reason: 'done', wasClean: true });
    const waiting = open(await freePort());
    waiting.close();
    expect(await waiting.onClose).toEqual({ code: 1000, reason: '', wasClean: true });
    const aborted = open(server.port, { signal: AbortSignal.abort() });
    expect(await aborted.onClose).toMatchObject({ code: 1001, reason: 'aborted' });
  });

  /** A server that answers handshakes as told, one after the other. */
  async function refusing(
    ...answers: ((response: ServerResponse) => void)[]
  ): Promise<{ port: number; asked: number[] }> {
    const asked: number[] = [];
    const server = createServer((_, response) => {
      const answer = answers[Math.min(asked.length, answers.length - 1)];
      asked.push(performance.now());
      answer?.(response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return { port: (server.address() as AddressInfo).port, asked };
  }

  it('is a refusal that would come again, and not one that says later', async () => {
    const { port, asked } = await refusing(
      (response) => response.writeHead(503, { 'retry-after': '1' }).end(),
      (response) => response.writeHead(429).end(),
      (response) => response.writeHead(403).end('go away'),
    );
    const ws = open(port);
    const { code, reason } = await ws.onClose;
    expect(code).toBe(1006);
    expect(reason).toContain('answered 403');
    expect(asked).toHaveLength(3);
    expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('is an address that can never be connected to', async () => {
    const ws = connectForever('http://127.0.0.1/');
    expect((await ws.onClose).code).toBe(1006);
  });
});
