/** What is particular to NATS. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { BackplaneNode } from '../harness/backplane-node.ts';
import { freePort } from '../harness/free-port.ts';
import { NatsServer, NO_NATS } from '../harness/nats-server.ts';
import { until } from '../harness/until.ts';

const SECOND_MS = 1000;
const OUTAGE_MS = 15 * SECOND_MS;
const KIB = 1024;

interface Connections {
  readonly connections: readonly { readonly name: string; readonly out_bytes: number }[];
}

describe.skipIf(NO_NATS !== undefined)('a backplane on NATS', { timeout: 60 * SECOND_MS }, () => {
  async function started(...args: string[]): Promise<NatsServer> {
    const nats = await NatsServer.start(...args);
    onTestFinished(() => nats.end());
    return nats;
  }

  async function node(nats: NatsServer, name: string, maxWaitingBytes?: number): Promise<BackplaneNode> {
    const options = maxWaitingBytes === undefined ? {} : { maxWaitingBytes };
    const joined = await BackplaneNode.start(nats.url, name, options);
    onTestFinished(() => joined.backplane.close(SECOND_MS));
    await until(() => joined.backplane.state === 'connected');
    return joined;
  }

  /** A message has come through; it is forgotten again. */
  async function acquaint(one: BackplaneNode, other: BackplaneNode): Promise<void> {
    other.backplane.want('c');
    await until(() => {
      one.publish('c', 'are you there');
      return other.got.length > 0;
    });
    one.publish('c', 'from here');
    await until(() => other.texts.includes('from here'));
    other.got.length = 0;
    other.missed.length = 0;
  }

  it('costs a node nothing on the wire for channels that it does not want', async () => {
    const monitor = await freePort();
    const nats = await started('-m', String(monitor));
    const [one, idle, other] = [await node(nats, 'one'), await node(nats, 'idle'), await node(nats, 'other')];
    idle.backplane.want('d');
    await acquaint(one, other);
    /** Bytes that the engine has sent to a node, by its own count. */
    const sentTo = async (name: string): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${monitor}/connz`);
      const { connections } = (await answer.json()) as Connections;
      return connections.find((each) => each.name === `polyloop ${name}`)?.out_bytes ?? Number.NaN;
    };
    const before = [await sentTo('idle'), await sentTo('other')] as const;
    const count = 500;
    for (let i = 0; i < count; i++) one.publish('c', 'x'.repeat(KIB));
    await until(() => other.got.length === count);
    // What is left is that nodes are there.
    expect((await sentTo('idle')) - before[0]).toBeLessThan(4 * KIB);
    expect((await sentTo('other')) - before[1]).toBeGreaterThan(count * KIB);
    expect(idle.got).toEqual([]);
  });

  it('keeps within its bound over an outage of 15 s, and tells how many were dropped', async () => {
    const maxWaitingBytes = 64 * KIB;
    const nats = await started();
    const [one, other] = [
      await node(nats, 'one', maxWaitingBytes),
      await node(nats, 'other', maxWaitingBytes),
    ];
    await acquaint(one, other);
    let published = 0;
    const timer = setInterval(() => one.publish('c', String(published++)), 1);
    onTestFinished(() => clearInterval(timer));
    await until(() => other.got.length > 500);
    await nats.kill();
    await until(() => one.backplane.state === 'degraded' && other.backplane.state === 'degraded');
    await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
    expect(one.backplane.waitingBytes).toBeLessThanOrEqual(maxWaitingBytes);
    await nats.start();
    clearInterval(timer);
    await until(() => other.accounted >= published);
    expect(other.accounted).toBe(published);
    expect(other.missedCount).toBeGreaterThan(0);
    const numbers = other.texts.map(Number);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });
});
