import { afterEach, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { until } from '../harness/until.ts';

const ROUNDS = 20;

let server: FixtureServer;
afterEach(() => server.close());

it.each(['close', 'terminate'])(
  'ends the connection, gives back its place and harms no other when a callback without stack calls %s',
  async (call) => {
    server = await FixtureServer.start('limits-app.js', { maxConnections: 2 });
    const neighbour = await Client.open(server.url('/echo'));
    for (let round = 0; round < ROUNDS; round++) {
      const client = await Client.open(server.url('/echo'));
      client.send(`${call} without stack`);
      expect((await client.closed).code).toBe(call === 'close' ? 1000 : 1006);
      await until(() => server.connections === 1);
    }
    neighbour.send('unharmed');
    expect(await neighbour.next()).toBe('unharmed');
    expect(server.generations).toEqual([1]);
    neighbour.socket.terminate();
  },
);
