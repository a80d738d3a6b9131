/** A loop that ends while clients connect all the time: connections on their way to it must not take the process along. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Client } from '../harness/client.ts';
import { ServerProcess } from '../harness/server-process.ts';

const ROUNDS = 3;

test.each(['exit', 'exit later', 'throw in a timer'])(
  'keeps the process when the only loop ends by "%s" while clients connect',
  async (fault) => {
    const server = await ServerProcess.start(
      '--workers',
      '1',
      '--max-restarts',
      '100',
      '--app',
      'test/fixtures/faulty.js',
    );
    let isOver = false;
    const outcomes: Record<string, number> = {};
    const rush = (async () => {
      const attempts = new Set<Promise<void>>();
      while (!isOver) {
        const socket = new WebSocket(server.url('/'));
        const attempt = new Promise<void>((resolve) => {
          const end = (outcome: string): void => {
            outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
            socket.terminate();
            resolve();
          };
          socket.once('open', () => end('open'));
          socket.once('unexpected-response', (_, { statusCode }) => end(String(statusCode)));
          socket.once('error', ({ message }) => end(message));
        });
        attempts.add(attempt);
        void attempt.then(() => attempts.delete(attempt));
        // How often clients come; nothing waits for it.
        await delay(1);
      }
      await Promise.all(attempts);
    })();
    for (let round = 1; round <= ROUNDS; round++) {
      const client = await openInTheEnd(server.url('/'));
      client.send(fault);
      await client.closed;
      await server.line(
        'loop replaced',
        () => server.lines.filter(({ msg }) => msg === 'loop replaced').length === round,
      );
    }
    isOver = true;
    await rush;
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(outcomes.open).toBeGreaterThan(0);
    expect(server.stderr).toBe('');
  },
);

async function openInTheEnd(url: string): Promise<Client> {
  for (;;) {
    try {
      return await Client.open(url);
    } catch {
      // There is no loop just now.
    }
  }
}
