/** What docker/compose.cluster.yaml starts, without containers: its nodes, its engine, and HAProxy with its configuration. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { Client } from '../harness/client.ts';
import { filledIn, HAPROXY, NODES } from '../harness/cluster-files.ts';
import { freePort } from '../harness/free-port.ts';
import { NatsServer, NO_NATS } from '../harness/nats-server.ts';
import { NO_REDIS, RedisServer } from '../harness/redis-server.ts';
import { findProgram, replaceOnce, runHaproxy } from '../harness/reverse-proxy.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const APP = 'test/fixtures/cluster-app.js';
/** An address of this machine that is not the proxy's. */
const CLIENT = '127.0.0.5';
const LIES = { 'x-forwarded-for': '203.0.113.9' };
const MINUTE_MS = 60_000;

const haproxy = findProgram('haproxy');
if (haproxy === undefined) console.log('skipped: there is no haproxy here');
for (const missing of [NO_REDIS, NO_NATS]) if (missing !== undefined) console.log(`skipped: ${missing}`);

interface Visit {
  readonly client: Client;
  readonly node: ServerProcess;
  readonly address: string;
}

class Cluster {
  /** One client of each node. */
  readonly visits = new Map<ServerProcess, Visit>();
  readonly #nodes: readonly ServerProcess[];
  readonly #port: number;

  /** Every node has the engine, and HAProxy listens. */
  static async start(engine: string): Promise<Cluster> {
    const port = await freePort();
    let text = replaceOnce(HAPROXY, 'bind :3000', `bind 127.0.0.1:${port}`);
    // Needs as many open files as connections, which this machine may not have.
    text = replaceOnce(text, 'maxconn 30000', 'maxconn 100');
    const nodes: ServerProcess[] = [];
    for (const [name, { command = [], environment }] of NODES) {
      const admin = String(await freePort());
      const here = { PORT: '0', POLYLOOP_ADMIN_PORT: admin, POLYLOOP_ADMIN_HOST: '127.0.0.1' };
      const node = new ServerProcess([...command, '--host', '127.0.0.1', '--app', APP], {
        ...filledIn(environment, { POLYLOOP_BACKPLANE: engine }),
        ...here,
      });
      onTestFinished(async () => {
        node.kill('SIGKILL');
        await node.exit;
      });
      nodes.push(node);
      await node.line('backplane connected');
      await node.line('listening');
      text = replaceOnce(text, `${name}:3000`, `127.0.0.1:${node.port} check port ${admin}`);
    }
    await runHaproxy(haproxy ?? '', text, port);
    const cluster = new Cluster(nodes, port);
    await cluster.#visitAll();
    return cluster;
  }

  private constructor(nodes: readonly ServerProcess[], port: number) {
    this.#nodes = nodes;
    this.#port = port;
  }

  /** On a slow machine HAProxy may miss a node's first answer to its health check, and leave the node out until some later ones. */
  async #visitAll(): Promise<void> {
    await until(async () => {
      const visit = await this.visit().catch(() => undefined);
      if (visit !== undefined) this.visits.set(visit.node, visit);
      return this.visits.size === this.#nodes.length;
    });
  }

  async visit(): Promise<Visit> {
    const options = { localAddress: CLIENT, headers: LIES };
    const client = await Client.open(`ws://127.0.0.1:${this.#port}/`, [], options);
    const greeting = JSON.parse(String(await client.next())) as { process: number; address: string };
    const node = this.#nodes.find(({ pid }) => pid === greeting.process);
    if (node === undefined) throw new Error('no such node');
    return { client, node, address: greeting.address };
  }
}

/** Says it until all have heard it: on NATS a new subscription reaches the other nodes a little later. */
async function reach(author: Client, text: string, readers: readonly Client[]): Promise<void> {
  await until(() => {
    author.send(text);
    return readers.every(({ unread }) => unread.includes(text));
  });
}

describe.each([
  ['Redis', NO_REDIS, RedisServer],
  ['NATS', NO_NATS, NatsServer],
])('three nodes behind HAProxy, on %s', { timeout: MINUTE_MS }, (_, missing, Engine) => {
  describe.skipIf(missing !== undefined || haproxy === undefined)('where both are installed', () => {
    it("share clients out, and pass on their messages and the clients' addresses", async () => {
      const engine = await Engine.start();
      onTestFinished(() => engine.end());
      const cluster = await Cluster.start(engine.url);
      const visits = [...cluster.visits.values()];
      for (const { address } of visits) expect(address).toBe(CLIENT);
      const clients = visits.map(({ client }) => client);
      for (const [number, author] of clients.entries()) await reach(author, `from ${number}`, clients);
    });

    it.each([
      ['is killed', 'SIGKILL', 1006],
      ['is stopped', 'SIGTERM', 1001],
    ] as const)('take over the clients of a node that %s', async (_, signal, code) => {
      const engine = await Engine.start();
      onTestFinished(() => engine.end());
      const cluster = await Cluster.start(engine.url);
      const [gone, ...others] = cluster.visits.values();
      gone?.node.kill(signal);
      expect((await gone?.client.closed)?.code).toBe(code);
      // Its clients are cut off before its port is; a node that is stopped closes that first.
      if (signal === 'SIGKILL') await gone?.node.exit;
      // Although the one that is gone has the fewest connections.
      const again = [await cluster.visit(), await cluster.visit(), await cluster.visit()];
      expect(again.map(({ node }) => node)).not.toContain(gone?.node);
      const clients = [...others, ...again].map(({ client }) => client);
      for (const author of clients) await reach(author, `of ${clients.indexOf(author)}`, clients);
    });
  });
});
