/** How many subscribers a channel has on all nodes, over real engines. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Client } from '../harness/client.ts';
import { NatsServer, NO_NATS } from '../harness/nats-server.ts';
import { NO_REDIS, RedisServer } from '../harness/redis-server.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const APP = fileURLToPath(new URL('../fixtures/nodes-app.js', import.meta.url));
const MINUTE_MS = 60_000;
const ENGINES = [
  { name: 'NATS', missing: NO_NATS, start: () => NatsServer.start() },
  { name: 'Redis', missing: NO_REDIS, start: () => RedisServer.start() },
];

describe.each(ENGINES)('on $name', ({ missing, start }) => {
  it.skipIf(missing !== undefined)(
    'counts the subscribers of all nodes, and no longer those of one that was killed',
    { timeout: MINUTE_MS },
    async () => {
      const engine = await start();
      onTestFinished(() => engine.end());
      const node = async (name: string): Promise<ServerProcess> => {
        const server = await ServerProcess.start(
          ...['--workers', '2', '--app', APP, '--placement', 'round-robin'],
          ...['--backplane', engine.url, '--node-id', name],
        );
        onTestFinished(async () => {
          server.kill('SIGKILL');
          await server.exit;
        });
        return server;
      };
      const [a, b, c] = [await node('a'), await node('b'), await node('c')];
      for (let i = 0; i < 3; i++) await Client.open(a.url('/channel/room'));
      for (let i = 0; i < 2; i++) await Client.open(b.url('/channel/room'));
      const counter = await Client.open(c.url('/count/room'));
      const count = async (): Promise<number> => {
        counter.send('how many');
        return Number(await counter.next());
      };
      await until(async () => (await count()) === 5);
      const more = await Client.open(c.url('/channel/room'));
      await until(async () => (await count()) === 6);
      a.kill('SIGKILL');
      await until(async () => (await count()) === 3);
      more.socket.close();
      await until(async () => (await count()) === 2);
      expect(await count()).toBe(2);
    },
  );
});
