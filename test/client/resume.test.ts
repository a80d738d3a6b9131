/**
 * The client that comes back, and a channel with history that it follows: every message comes exactly once, or the client is told that
 * some are gone. Longer in the stress tests.
 */
import { expect, it } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { Follower } from '../harness/follower.ts';
import { freePort } from '../harness/free-port.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const ROUNDS = IS_LONG ? 20 : 4;
const TIMEOUT_MS = IS_LONG ? 300_000 : 60_000;
/** Messages of each life of the server that are waited for, at least. */
const MESSAGES = 20;

const countingFrom = (first: number, length: number): number[] =>
  Array.from({ length }, (_, index) => first + index);

it(
  'gets every message exactly once, or is told that some are gone, when the server is killed again and again',
  async () => {
    const port = await freePort();
    const address = ['--host', '127.0.0.1', '--port', String(port), '--workers', '2'];
    const follower = new Follower(`ws://127.0.0.1:${port}/numbers`);
    for (let life = 1; life <= ROUNDS; life++) {
      const server = new ServerProcess([...address, '--app', 'test/fixtures/resumable.js']);
      await server.line('listening');
      await until(() => follower.joins >= life && follower.sequence >= MESSAGES);
      server.kill('SIGKILL');
      await server.exit;
    }
    follower.ws.close();
    // What was published last in a life may be gone with it, and so may anything, as each new life says.
    expect(follower.gone).toBe(ROUNDS - 1);
    const lives = [...follower.numbers.values()];
    expect(lives).toHaveLength(ROUNDS);
    for (const [life, numbers] of lives.entries()) {
      // Those that were published before the client was back are among them.
      const first = life === 0 ? (numbers[0] ?? 0) : 1;
      expect(numbers).toEqual(countingFrom(first, numbers.length));
    }
    console.log(`${ROUNDS} lives, ${lives.map(({ length }) => length).join(', ')} messages`);
  },
  TIMEOUT_MS,
);

it(
  'gets every message exactly once, and none is gone, when loops are reloaded and end, and messages are published meanwhile',
  async () => {
    const server = await FixtureServer.start('resumable.js', { workers: 2, maxRestarts: 1000 });
    let published = 0;
    const publish = (): void => {
      if (server.server.publish('told', String(published + 1)).ok) published++;
    };
    const timer = setInterval(publish, 1);
    try {
      const follower = new Follower(server.url('/told'));
      await until(() => follower.joins === 1);
      for (let round = 1; round <= ROUNDS; round++) {
        const joins = follower.joins;
        if (round % 2 === 0) follower.ws.send('"exit"');
        else await server.server.reload();
        await until(() => follower.joins > joins && follower.ws.isConnected);
      }
      clearInterval(timer);
      publish();
      const { numbers } = follower;
      await until(() => [...numbers.values()].some((received) => received.at(-1) === published));
      const [received = []] = numbers.values();
      expect([numbers.size, follower.gone]).toEqual([1, 0]);
      expect(received).toEqual(countingFrom(received[0] ?? 0, received.length));
      console.log(`${ROUNDS} replacements, ${follower.joins} connections, ${received.length} messages`);
    } finally {
      clearInterval(timer);
      await server.close();
    }
  },
  TIMEOUT_MS,
);
