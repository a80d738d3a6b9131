/** Server processes with two loops each, and clients of all of them, over a real nats-server. */
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { NatsServer, NO_NATS } from '../harness/nats-server.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const APP = fileURLToPath(new URL('../fixtures/nodes-app.js', import.meta.url));
const NODES = ['a', 'b', 'c'];
const CLIENTS_PER_NODE = 4;
const MESSAGES = 200;
const MINUTE_MS = 60_000;

describe.skipIf(NO_NATS !== undefined)(
  'three nodes with two loops each, on NATS',
  { timeout: MINUTE_MS },
  () => {
    let nats: NatsServer;
    let servers: ServerProcess[];

    beforeEach(async () => {
      nats = await NatsServer.start();
      servers = await Promise.all(NODES.map((name) => startNode(name)));
    });
    afterEach(async () => {
      for (const server of servers) server.kill('SIGKILL');
      await Promise.all(servers.map(({ exit }) => exit));
      await nats.kill();
    });

    async function startNode(name: string): Promise<ServerProcess> {
      const server = await ServerProcess.start(
        ...['--workers', '2', '--app', APP, '--placement', 'round-robin'],
        ...['--backplane', nats.url, '--node-id', name],
      );
      await server.line('backplane connected');
      return server;
    }

    /** A client that keeps what comes. */
    class Listener {
      readonly client: Client;
      readonly node: string;
      readonly texts: string[] = [];
      readonly missed: (number | null)[] = [];

      static async open(node: string, server: ServerProcess): Promise<Listener> {
        const client = await Client.open(server.url('/channel/room'));
        await client.next();
        return new Listener(client, node);
      }

      constructor(client: Client, node: string) {
        this.client = client;
        this.node = node;
        client.socket.on('message', (data) => {
          const text = String(data);
          if (text.startsWith('{')) this.missed.push((JSON.parse(text) as { missed: number | null }).missed);
          else this.texts.push(text);
        });
      }

      get missedCount(): number {
        return this.missed.reduce((sum: number, count) => sum + (count ?? 0), 0);
      }

      of(node: string): string[] {
        return this.texts.filter((text) => text.startsWith(`${node} `));
      }
    }

    async function audience(): Promise<Listener[]> {
      const listeners: Listener[] = [];
      for (const [index, server] of servers.entries()) {
        for (let i = 0; i < CLIENTS_PER_NODE; i++)
          listeners.push(await Listener.open(NODES[index] ?? '', server));
      }
      return listeners;
    }

    /** Every node has heard every other, so that from here on nothing is lost without a word. */
    async function acquainted(listeners: readonly Listener[]): Promise<void> {
      await until(() => {
        for (const { node, client } of listeners) client.send(`${node} hello`);
        return listeners.every((listener) => NODES.every((node) => listener.of(node).length > 0));
      });
      for (const { node, client } of listeners) client.send(`${node} ready ${client.socket.url}`);
      const ready = (listener: Listener): number =>
        listener.texts.filter((text) => text.includes('ready')).length;
      await until(() => listeners.every((listener) => ready(listener) === listeners.length));
      for (const listener of listeners) {
        listener.texts.length = 0;
        listener.missed.length = 0;
      }
    }

    it('bring every message to every subscriber once, those of one node in the same order everywhere', async () => {
      const listeners = await audience();
      await acquainted(listeners);
      for (let i = 0; i < MESSAGES; i++) {
        for (const [number, { node, client }] of listeners.entries()) client.send(`${node} ${number} ${i}`);
      }
      const all = MESSAGES * listeners.length;
      await until(() => listeners.every(({ texts }) => texts.length >= all));
      for (const node of NODES) {
        const [first, ...others] = listeners.map((listener) => listener.of(node));
        expect(new Set(first).size).toBe(MESSAGES * CLIENTS_PER_NODE);
        for (const other of others) expect(other).toEqual(first);
      }
      for (const listener of listeners) expect([listener.texts.length, listener.missed]).toEqual([all, []]);
    });

    it('lose nothing without a word when the engine is killed in the middle', async () => {
      const listeners = await audience();
      await acquainted(listeners);
      let published = 0;
      const timer = setInterval(() => {
        for (const [number, { node, client }] of listeners.entries())
          client.send(`${node} ${number} ${published}`);
        published++;
      }, 2);
      await until(() => listeners.every(({ texts }) => texts.length > 1000));
      await nats.kill();
      await Promise.all(servers.map((server) => server.line('backplane is away')));
      await nats.start();
      await until(() =>
        servers.every(
          (server) => server.lines.filter(({ msg }) => msg === 'backplane connected').length === 2,
        ),
      );
      const before = published;
      await until(() => published > before + 200);
      clearInterval(timer);
      const all = published * listeners.length;
      await until(() => listeners.every(({ texts, missedCount }) => texts.length + missedCount >= all));
      for (const listener of listeners) {
        expect(listener.texts.length + listener.missedCount).toBe(all);
        expect(new Set(listener.texts).size).toBe(listener.texts.length);
        expect(listener.of(listener.node).length).toBe(published * CLIENTS_PER_NODE);
      }
    });

    it('tell the subscribers of the others when a node is killed', async () => {
      const listeners = await audience();
      await acquainted(listeners);
      servers[0]?.kill('SIGKILL');
      const others = listeners.filter(({ node }) => node !== 'a');
      await until(() => others.every(({ missed }) => missed.length > 0));
      for (const { missed } of others) expect(missed).toEqual([null]);
    });

    it('send a node nothing of channels that nobody subscribes to there', async () => {
      const [a, b] = servers as [ServerProcess, ServerProcess];
      const listener = await Listener.open('b', b);
      const speaker = await Client.open(a.url('/channel/other'));
      await speaker.next();
      for (let i = 0; i < MESSAGES; i++) speaker.send(`a ${i}`);
      for (let i = 0; i < MESSAGES; i++) expect(await speaker.next()).toBe(`a ${i}`);
      expect(listener.texts).toEqual([]);
    });
  },
);
