/** Server processes with two loops each, and clients of all of them, over a real redis-server. */
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { NO_REDIS, RedisServer } from '../harness/redis-server.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const APP = fileURLToPath(new URL('../fixtures/nodes-app.js', import.meta.url));
const NODES = ['a', 'b', 'c'];
const CLIENTS_PER_NODE = 4;
const MESSAGES = 200;
const MINUTE_MS = 60_000;

interface Position {
  readonly epoch: string;
  readonly sequence: number;
}

/** What a client is told when it begins, and when something is missed. */
interface Subscribed extends Position {
  readonly missed: number;
  readonly complete: boolean;
}

interface Missed extends Position {
  readonly missed: number | null;
}

/** A client that counts: knows the sequence of every message. */
class Listener {
  readonly client: Client;
  readonly node: string;
  readonly subscribed: Subscribed;
  readonly texts: string[] = [];
  readonly missed: (number | null)[] = [];
  sequence: number;
  epoch: string;

  static async open(node: string, server: ServerProcess, after?: Position): Promise<Listener> {
    const query = after === undefined ? '' : `?epoch=${after.epoch}&sequence=${after.sequence}`;
    const client = await Client.open(server.url(`/numbered/room${query}`));
    return new Listener(client, node, JSON.parse(String(await client.next())) as Subscribed);
  }

  constructor(client: Client, node: string, subscribed: Subscribed) {
    this.client = client;
    this.node = node;
    this.subscribed = subscribed;
    this.epoch = subscribed.epoch;
    this.sequence = subscribed.sequence - subscribed.missed;
    const take = (text: string): void => {
      if (text.startsWith('{')) {
        const { missed, sequence, epoch } = JSON.parse(text) as Missed;
        this.missed.push(missed);
        if (missed !== null) expect(sequence).toBe(this.sequence + missed);
        this.sequence = sequence;
        this.epoch = epoch;
      } else {
        this.sequence++;
        this.texts.push(text);
      }
    };
    for (const data of client.unread) take(String(data));
    client.socket.on('message', (data) => take(String(data)));
  }

  get missedCount(): number {
    return this.missed.reduce((sum: number, count) => sum + (count ?? 0), 0);
  }
}

describe.skipIf(NO_REDIS !== undefined)(
  'three nodes with two loops each, on Redis',
  { timeout: 2 * MINUTE_MS },
  () => {
    let redis: RedisServer;
    let servers: ServerProcess[];

    beforeEach(async () => {
      redis = await RedisServer.start();
      servers = await Promise.all(NODES.map((name) => startNode(name)));
    });
    afterEach(async () => {
      for (const server of servers) server.kill('SIGKILL');
      await Promise.all(servers.map(({ exit }) => exit));
      await redis.end();
    });

    async function startNode(name: string): Promise<ServerProcess> {
      const server = await ServerProcess.start(
        ...['--workers', '2', '--app', APP, '--placement', 'round-robin'],
        ...['--backplane', redis.url, '--node-id', name, '--backplane-history', '100000'],
      );
      await server.line('backplane connected');
      return server;
    }

    async function audience(): Promise<Listener[]> {
      const listeners: Listener[] = [];
      for (const [index, server] of servers.entries()) {
        for (let i = 0; i < CLIENTS_PER_NODE; i++)
          listeners.push(await Listener.open(NODES[index] ?? '', server));
      }
      return listeners;
    }

    function speak(listeners: readonly Listener[], round: number): void {
      for (const [number, { node, client }] of listeners.entries()) client.send(`${node} ${number} ${round}`);
    }

    /** All speak, again and again, until `during` is over; gives how many messages that were. */
    async function talking(listeners: readonly Listener[], during: () => Promise<unknown>): Promise<number> {
      let rounds = 0;
      const timer = setInterval(() => speak(listeners, rounds++), 2);
      try {
        await during();
      } finally {
        clearInterval(timer);
      }
      return rounds * listeners.length;
    }

    const heard = (listeners: readonly Listener[], count: number): Promise<void> =>
      until(() => listeners.every(({ texts, missedCount }) => texts.length + missedCount >= count));

    function expectSame(listeners: readonly Listener[], count: number): void {
      const [first] = listeners;
      for (const each of listeners) {
        expect(each.texts.length + each.missedCount).toBe(count);
        expect(new Set(each.texts).size).toBe(each.texts.length);
        expect(each.texts).toEqual(first?.texts);
        expect([each.epoch, each.sequence]).toEqual([first?.epoch, count]);
      }
    }

    it('bring every message to every subscriber once, in the same sequence everywhere', async () => {
      const listeners = await audience();
      for (let i = 0; i < MESSAGES; i++) speak(listeners, i);
      const all = MESSAGES * listeners.length;
      await heard(listeners, all);
      expectSame(listeners, all);
      for (const { missed } of listeners) expect(missed).toEqual([]);
    });

    it('do not bring a message to the connection that publishes it with ws.publish, wherever it is', async () => {
      const listeners = await audience();
      for (const { client } of listeners) client.send(Buffer.from('bytes'));
      await until(() => listeners.every(({ texts }) => texts.length === listeners.length - 1));
      const last = listeners.length;
      speak(listeners, 0);
      await until(() => listeners.every(({ texts }) => texts.length === 2 * last - 1));
    });

    it('let a client go on at any node where it stopped, also when its own was killed', async () => {
      const listeners = await audience();
      const [leaver, ...others] = listeners as [Listener, ...Listener[]];
      for (let i = 0; i < 20; i++) speak(listeners, i);
      await heard(listeners, 20 * listeners.length);
      const after = { epoch: leaver.epoch, sequence: leaver.sequence };
      servers[0]?.kill('SIGKILL');
      const staying = others.filter(({ node }) => node !== 'a');
      const [witness] = staying as [Listener];
      for (let i = 20; i < 40; i++) speak(staying, i);
      const more = 20 * staying.length;
      await heard(staying, 20 * listeners.length + more);
      servers.push(await startNode('d'));
      for (const server of servers.slice(1)) {
        const back = await Listener.open('back', server, after);
        expect(back.subscribed).toMatchObject({ missed: more, complete: true, epoch: after.epoch });
        await until(() => back.texts.length === more);
        expect(back.texts).toEqual(witness.texts.slice(-more));
      }
    });

    it('lose nothing when the engine is killed in the middle, and comes back with what it had', async () => {
      const listeners = await audience();
      const all = await talking(listeners, async () => {
        await heard(listeners, 1000);
        await redis.kill();
        await Promise.all(servers.map((server) => server.line('backplane is away')));
        await redis.start();
        await until(() =>
          servers.every(
            (server) => server.lines.filter(({ msg }) => msg === 'backplane connected').length === 2,
          ),
        );
      });
      await heard(listeners, all);
      expectSame(listeners, all);
      for (const { missed } of listeners) expect(missed).toEqual([]);
    });

    it('tell every subscriber when the engine has lost what it had, and go on in another epoch', async () => {
      const listeners = await audience();
      speak(listeners, 0);
      await heard(listeners, listeners.length);
      const before = listeners[0]?.epoch;
      await redis.command('FLUSHALL');
      speak(listeners, 1);
      await until(() => listeners.every(({ texts }) => texts.length === 2 * listeners.length));
      for (const { missed, epoch, sequence } of listeners) {
        expect(missed).toEqual([null]);
        expect(epoch).toBe(listeners[0]?.epoch);
        expect(epoch).not.toBe(before);
        expect(sequence).toBe(listeners.length);
      }
    });

    it('bring what the others publish when one of them is killed in the middle', async () => {
      const listeners = await audience();
      const staying = listeners.filter(({ node }) => node !== 'a');
      await talking(listeners, async () => {
        await heard(listeners, 1000);
        servers[0]?.kill('SIGKILL');
        const before = staying.map(({ texts }) => texts.length);
        await until(() => staying.every(({ texts }, index) => texts.length > (before[index] ?? 0) + 1000));
      });
      for (const { client } of staying) client.send('the last');
      await until(() =>
        staying.every(({ texts }) => texts.filter((text) => text === 'the last').length === staying.length),
      );
      for (const { texts, missed } of staying) {
        expect(texts).toEqual(staying[0]?.texts);
        expect(missed).toEqual([]);
      }
    });

    it('keep connections open, and subscribers waiting, while there is no engine', async () => {
      await redis.kill();
      await Promise.all(servers.map((server) => server.line('backplane is away')));
      const [a, b] = servers as [ServerProcess, ServerProcess];
      const one = Listener.open('a', a);
      const other = Listener.open('b', b);
      const echo = await Client.open(a.url('/echo'));
      echo.send('still here');
      expect(await echo.next()).toBe('still here');
      await redis.start();
      const listeners = await Promise.all([one, other]);
      speak(listeners, 0);
      await heard(listeners, 2);
      expect(listeners[0]?.texts).toEqual(listeners[1]?.texts);
    });
  },
);
