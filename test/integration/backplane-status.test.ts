/** What operators see of the backplane: readiness, status, metrics and log lines, while a real engine comes and goes. */
import { AppLoadError, type BackplaneStatus, Server, type ServerOptions } from 'polyloop';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Admin } from '../harness/admin.ts';
import { Client } from '../harness/client.ts';
import { total } from '../harness/exposition.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { freePort } from '../harness/free-port.ts';
import { NatsServer, NO_NATS } from '../harness/nats-server.ts';
import { NO_REDIS, RedisServer } from '../harness/redis-server.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const TIMEOUT = { timeout: 60_000 };
const MESSAGES = 50;
const READY = { status: 200, body: 'ready\n' };
const AWAY = { status: 200, body: 'degraded: the backplane is away\n' };
const ENGINES = [
  { engine: 'nats' as const, missing: NO_NATS, Engine: NatsServer },
  { engine: 'redis' as const, missing: NO_REDIS, Engine: RedisServer },
];
for (const { missing } of ENGINES)
  if (missing !== undefined) console.log(`${missing}: tests with it are left out`);

class Node {
  readonly fixture: FixtureServer;
  readonly admin: Admin;

  static async start(options: ServerOptions): Promise<Node> {
    const adminPort = await freePort();
    const node = new Node(await FixtureServer.start('nodes-app.js', { adminPort, ...options }));
    onTestFinished(() => node.fixture.close());
    return node;
  }

  private constructor(fixture: FixtureServer) {
    this.fixture = fixture;
    this.admin = new Admin(fixture.server.adminPort);
  }

  get backplane(): BackplaneStatus {
    const { backplane } = this.fixture.server.status();
    if (backplane === null) throw new Error('there is no backplane');
    return backplane;
  }

  async readiness(expected: { status: number; body: string }): Promise<void> {
    await until(async () => (await this.admin.ask('/readyz')).body === expected.body);
    expect(await this.admin.ask('/readyz')).toMatchObject(expected);
  }

  async metric(name: string): Promise<number> {
    return total(await this.admin.metrics(), `polyloop_backplane_${name}`);
  }

  publish(text: string): void {
    this.fixture.server.publish('room', text);
  }
}

describe.each(ENGINES)('with a backplane on $engine', TIMEOUT, ({ engine, missing, Engine }) => {
  async function startEngine(): Promise<NatsServer | RedisServer> {
    const running = await Engine.start();
    onTestFinished(() => running.end());
    return running;
  }

  it.skipIf(missing)(
    'a node is ready before, degraded while and ready after the engine is away',
    async () => {
      const running = await startEngine();
      const node = await Node.start({ backplane: running.url, nodeId: 'node-a' });
      await node.readiness(READY);
      expect(node.backplane).toMatchObject({ engine, node: 'node-a', state: 'connected', reconnects: 0 });
      expect(await node.metric('up')).toBe(1);

      await running.kill();
      await node.readiness(AWAY);
      expect(node.backplane).toMatchObject({ state: 'degraded' });
      expect(await node.metric('up')).toBe(0);
      node.publish('to wait');
      await until(() => node.backplane.waitingBytes > 0);
      expect(await node.metric('waiting_bytes')).toBe(node.backplane.waitingBytes);

      await running.start();
      await node.readiness(READY);
      await until(() => node.backplane.waitingBytes === 0 && node.backplane.sent > 0);
      expect(node.backplane).toMatchObject({ state: 'connected', reconnects: 1, dropped: 0 });
      expect([await node.metric('up'), await node.metric('reconnects_total')]).toEqual([1, 1]);
      const { events } = await node.admin.status();
      const said = events.map(({ level, loop, text }) => ({ level, loop, text }));
      expect(said.filter(({ text }) => text.startsWith('backplane'))).toEqual([
        { level: 'info', loop: null, text: 'backplane connected' },
        { level: 'warn', loop: null, text: expect.stringMatching(/^backplane is away/) },
        { level: 'info', loop: null, text: 'backplane connected' },
      ]);
    },
  );

  it.skipIf(missing)('two nodes count what one sends and the other receives', async () => {
    const { url } = await startEngine();
    const [from, to] = [await Node.start({ backplane: url }), await Node.start({ backplane: url })];
    expect(from.backplane.node).toMatch(/^[\w.-]+-[0-9a-f]{8}$/);
    expect(from.backplane.node).not.toBe(to.backplane.node);
    const client = await Client.open(to.fixture.url('/channel/room'));
    await client.next();
    await until(() => {
      from.publish('are you there');
      return to.backplane.received > 0;
    });
    // With Redis all that was sent has been answered; with NATS all of it came before what comes now.
    from.publish('last');
    while ((await client.next()) !== 'last');
    await until(() => from.backplane.waitingBytes === 0);
    const [sent, received] = [from.backplane.sent, to.backplane.received];
    for (let i = 0; i < MESSAGES; i++) from.publish(`${i}`);
    for (let i = 0; i < MESSAGES; i++) expect(await client.next()).toBe(`${i}`);
    expect(to.backplane).toMatchObject({ received: received + MESSAGES, missed: 0, dropped: 0, refused: 0 });
    await until(() => from.backplane.sent >= sent + MESSAGES);
    expect(await to.metric('messages_received_total')).toBe(received + MESSAGES);
    expect(await from.metric('messages_sent_total')).toBeGreaterThanOrEqual(sent + MESSAGES);
  });

  it.skipIf(missing)('a node counts what it refuses when nodes have different keys', async () => {
    const { url } = await startEngine();
    const from = await Node.start({ backplane: url, backplaneKey: 'the-key-of-one-node' });
    const to = await Node.start({ backplane: url, backplaneKey: 'the-key-of-another' });
    const client = await Client.open(to.fixture.url('/channel/room'));
    await client.next();
    await until(() => {
      from.publish('sealed');
      return to.backplane.refused > 0;
    });
    expect(await to.metric('messages_refused_total')).toBeGreaterThan(0);
    expect(to.backplane.received).toBe(0);
  });

  it.skipIf(missing)(
    'a node says that the engine is away when it has not been there at the start',
    async () => {
      const running = await startEngine();
      await running.kill();
      const node = await Node.start({ backplane: running.url });
      expect(await node.admin.ask('/readyz')).toMatchObject(AWAY);
      expect(node.backplane).toMatchObject({ state: 'down', reconnects: 0 });
      const said = async (): Promise<string[]> => (await node.admin.status()).events.map(({ text }) => text);
      await until(async () => (await said()).some((text) => text.startsWith('backplane is away: ')));
      await running.start();
      await node.readiness(READY);
      expect(await said()).toEqual([expect.stringMatching(/^backplane is away: ./), 'backplane connected']);
      expect(node.backplane.reconnects).toBe(0);
    },
  );

  it.skipIf(missing)('a node does not call the engine away when it stops itself', async () => {
    const { url } = await startEngine();
    const server = await ServerProcess.start('--workers', '1', '--backplane', url, '--node-id', 'node-a');
    const { node, servers } = await server.line('backplane');
    expect({ node, servers }).toEqual({ node: 'node-a', servers: [new URL(url).host] });
    await server.line('backplane connected');
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(server.lines.filter(({ level }) => level !== 30)).toEqual([]);
  });
});

it.skipIf(NO_REDIS)('a node leaves the engine when it cannot start', TIMEOUT, async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.end());
  const app = new URL('../fixtures/broken/setup-throws.js', import.meta.url);
  const options = { app, workers: 1, adminPort: 0, logLevel: 'silent', backplane: redis.url } as const;
  await expect(Server.start(options)).rejects.toBeInstanceOf(AppLoadError);
  await until(async () => !String(await redis.command('CLIENT', 'LIST')).includes('polyloop'));
});

it('nothing is said of a backplane when there is none', async () => {
  const node = await Node.start({});
  await node.readiness(READY);
  expect((await node.admin.status()).backplane).toBeNull();
  expect((await node.admin.ask('/metrics')).body).not.toContain('backplane');
  expect(node.fixture.server.status().events).toEqual([]);
});
