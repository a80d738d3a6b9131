/** A cluster of Redis: each channel is kept by one of its servers, and heard at all of them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BackplaneNode } from '../harness/backplane-node.ts';
import { freePort } from '../harness/free-port.ts';
import { NO_REDIS, RedisServer } from '../harness/redis-server.ts';
import { until } from '../harness/until.ts';

const SLOTS = 16_384;
const MINUTE_MS = 60_000;
const CHANNELS = Array.from({ length: 20 }, (_, i) => `channel ${i}`);

describe.skipIf(NO_REDIS !== undefined)('a backplane on a cluster of Redis', { timeout: MINUTE_MS }, () => {
  let servers: [RedisServer, RedisServer];
  let nodes: BackplaneNode[];

  beforeEach(async () => {
    nodes = [];
    const buses = [String(await freePort()), String(await freePort())] as const;
    const start = (bus: string): Promise<RedisServer> =>
      RedisServer.start('--cluster-enabled', 'yes', '--cluster-port', bus, '--cluster-node-timeout', '1000');
    servers = [await start(buses[0]), await start(buses[1])];
    const [one, other] = servers;
    await one.command('CLUSTER', 'ADDSLOTSRANGE', '0', String(SLOTS / 2));
    await other.command('CLUSTER', 'ADDSLOTSRANGE', String(SLOTS / 2 + 1), String(SLOTS - 1));
    await other.command('CLUSTER', 'SET-CONFIG-EPOCH', '2');
    await one.command('CLUSTER', 'MEET', '127.0.0.1', String(other.port), buses[1]);
    for (const server of servers) {
      let info = '';
      await until(async () => {
        info = String(await server.command('CLUSTER', 'INFO'));
        return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:2');
      });
    }
  });
  afterEach(async () => {
    await Promise.all(nodes.map(({ backplane }) => backplane.close(1000)));
    await Promise.all(servers.map((server) => server.end()));
  });

  async function node(name: string, server: RedisServer): Promise<BackplaneNode> {
    const started = await BackplaneNode.start(server.url, name);
    nodes.push(started);
    await until(() => started.backplane.state === 'connected');
    return started;
  }

  it('brings the messages of all channels in order to nodes at any of its servers', async () => {
    const all = [await node('one', servers[0]), await node('other', servers[1])];
    for (const { backplane } of all) for (const channel of CHANNELS) backplane.want(channel);
    await until(() => all.every(({ placed }) => placed.length === CHANNELS.length));
    const each = 50;
    for (let i = 0; i < each; i++)
      for (const [index, { publish }] of all.entries())
        for (const channel of CHANNELS) publish.call(all[index] as BackplaneNode, channel, `${index} ${i}`);
    const count = each * CHANNELS.length * all.length;
    await until(() => all.every(({ got }) => got.length === count));
    for (const channel of CHANNELS) {
      const [first, second] = all.map(({ got }) => got.filter((one) => one.channel === channel));
      expect(first).toHaveLength(each * all.length);
      expect(second).toEqual(first);
    }
    for (const { missed } of all) expect(missed).toEqual([]);
  });

  it('goes on when one of its servers was away', async () => {
    const [one] = servers;
    const all = [await node('one', one), await node('other', one)];
    for (const { backplane } of all) for (const channel of CHANNELS) backplane.want(channel);
    await until(() => all.every(({ placed }) => placed.length === CHANNELS.length));
    await servers[1].kill();
    for (const channel of CHANNELS) all[0]?.publish(channel, 'meanwhile');
    await until(() => all[0]?.backplane.state === 'degraded');
    await servers[1].start();
    await until(() => all.every(({ accounted }) => accounted >= CHANNELS.length));
    for (const each of all) {
      expect(each.accounted).toBe(CHANNELS.length);
      expect(new Set(each.got.map(({ channel }) => channel)).size).toBe(each.got.length);
    }
  });
});
