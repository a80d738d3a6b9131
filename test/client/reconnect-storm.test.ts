/** A thousand clients that are cut off at once. When each tries again is printed as a histogram. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connectForever } from 'polyloop';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { until } from '../harness/until.ts';

const CLIENTS = 1000;
/** The first wait is anything up to this. */
const WINDOW_MS = 4000;
const TENTHS = 10;
const TIMEOUT_MS = 120_000;

it(
  'come back spread over the time to wait when they are cut off at once',
  async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const attempts: number[] = [];
    const options = {
      backoff: { firstMs: WINDOW_MS, maxMs: WINDOW_MS },
      pingIntervalMs: 0,
      // Options are read at each attempt.
      get headers() {
        attempts.push(performance.now());
        return {};
      },
    };
    let connects = 0;
    let returns = 0;
    const clients = Array.from({ length: CLIENTS }, () => connectForever(url, options));
    onTestFinished(() => {
      for (const client of clients) client.close();
      for (const socket of server.clients) socket.terminate();
      server.close();
    });
    for (const client of clients) {
      client.onConnect(() => void connects++);
      client.onReconnect(() => void returns++);
    }
    await until(() => connects === CLIENTS);

    attempts.length = 0;
    const startMs = performance.now();
    for (const socket of server.clients) socket.terminate();
    await until(() => returns === CLIENTS);

    expect(attempts).toHaveLength(CLIENTS);
    // The last bin has what a busy machine delays.
    const bins = new Array<number>(TENTHS + 1).fill(0);
    for (const atMs of attempts) {
      const bin = Math.min(TENTHS, Math.floor(((atMs - startMs) / WINDOW_MS) * TENTHS));
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    const lines = bins.map((count, bin) => {
      const from = String((bin * WINDOW_MS) / TENTHS).padStart(5);
      return `${from} ms ${String(count).padStart(4)} ${'#'.repeat(Math.round(count / 5))}`;
    });
    console.log(`attempts to connect of ${CLIENTS} clients:\n${lines.join('\n')}`);
    expect(Math.max(...bins)).toBeLessThan(CLIENTS / 3);
  },
  TIMEOUT_MS,
);
