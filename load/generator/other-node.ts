/**
 * Publishers at one node whose channels are subscribed at another. Nodes need a moment to learn of each other what is subscribed where, so
 * each channel is tried out before it counts: until a message published at the one has come to all subscribers at the other.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from './client.ts';
import { type Dialect, dialect } from './dialect.ts';
import type { FanOutLoad } from './fan-out.ts';
import { clientFrame, FrameReader } from './frames.ts';
import { fail } from './load.ts';

/** After so long another one is sent, after twice as long the third, and so on. */
const PATIENCE_MS = 50;
const TIMEOUT_MS = 10_000;

/** A connection to the other node for each of `subscribers`, those of channel after channel, that is a publisher too; else undefined. */
export async function openPublishers(
  load: FanOutLoad,
  port: number,
  subscribers: readonly Client[],
): Promise<(Client | undefined)[]> {
  const manner = dialect(load.dialect);
  const open = async (number: number): Promise<Client | undefined> => {
    if (number % load.subscribers >= load.publishers) return undefined;
    const path = `/publish/${Math.floor(number / load.subscribers)}`;
    return await Client.open(port, path, manner, () => fail('something came to a publisher'));
  };
  const publishers = await Promise.all(subscribers.map((_, number) => open(number)));
  const channels = Array.from({ length: load.channels }, (_, channel) => channel * load.subscribers);
  await Promise.all(
    channels.map((first) =>
      connect(publishers[first], subscribers.slice(first, first + load.subscribers), manner),
    ),
  );
  return publishers;
}

/** Resolves when what the publisher has sent last has come to all: then nothing older is still on its way. */
async function connect(
  publisher: Client | undefined,
  subscribers: readonly Client[],
  { opcode, before, after }: Dialect,
): Promise<void> {
  let last: Buffer = Buffer.alloc(0);
  const waiting = new Set<Client>();
  for (const client of subscribers) {
    const reader = new FrameReader((_, payload) => {
      if (payload.equals(last)) waiting.delete(client);
    });
    client.onData = (chunk) => reader.push(chunk);
  }
  const endMs = performance.now() + TIMEOUT_MS;
  for (let number = 1; number === 1 || waiting.size > 0; number++) {
    if (performance.now() > endMs)
      fail('what is published at one node does not come to all subscribers at the other');
    last = Buffer.from(`${before}attempt ${number}${after}`);
    for (const client of subscribers) waiting.add(client);
    publisher?.write(clientFrame(opcode, last));
    for (const nextMs = performance.now() + number * PATIENCE_MS; waiting.size > 0; await delay(1)) {
      if (performance.now() > nextMs) break;
    }
  }
}
