/** A loop put together by hand on a node whose channels get their numbers from the engine, and the engine, which writes what the bridge would. */
import { setImmediate } from 'node:timers/promises';
import { expect } from 'vitest';
import { BridgeWriter } from '../../src/shared/bridge-writer.ts';
import type { ChannelLog, ChannelPosition } from '../../src/shared/channel-log.ts';
import { COUNTERS, type CounterName } from '../../src/shared/layout.ts';
import { INTEREST, Tell } from '../../src/shared/log.ts';
import type { MissedMessages, SubscribePosition, SubscribeResult } from '../../src/websocket.ts';
import { Channels } from '../../src/workers/channels.ts';
import { FanOut } from '../../src/workers/fan-out.ts';
import { SlowConsumers } from '../../src/workers/slow-consumers.ts';
import { SharedLog } from './shared-log.ts';

const RING_BYTES = 2 ** 16;
export const MAX_BACKPRESSURE = 2 ** 20;
export const LIFE = 0xabc;

type Topics = Map<string, Set<Connection>>;

/** What is used of a connection. */
export class Connection {
  readonly number: number;
  readonly subscriptions = new Map();
  readonly #topics: Topics;
  /** Text as it is; what it was told of missing messages in brackets. */
  readonly got: string[] = [];
  readonly missedOf: MissedMessages[] = [];
  isClosed = false;
  isClosing = false;
  bufferedAmount = 0;
  closedWith = 0;
  dropped = 0;

  constructor(topics: Topics, number: number) {
    this.#topics = topics;
    this.number = number;
  }

  joinTopic(topic: string): void {
    const members = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, members.add(this));
  }

  leaveTopic(topic: string): void {
    this.#topics.get(topic)?.delete(this);
  }

  publishToOthers(topic: string, data: Uint8Array): void {
    for (const each of this.#topics.get(topic) ?? []) if (each !== this) each.send(data);
  }

  corked(send: () => void): void {
    send();
  }

  close(code: number): void {
    this.closedWith = code;
  }

  countDropped(count: number): void {
    this.dropped += count;
  }

  send(data: Uint8Array): void {
    this.got.push(Buffer.from(data).toString());
  }

  missed(missed: MissedMessages): void {
    this.missedOf.push(missed);
    this.got.push(`[${missed.count}]`);
  }
}

export type Ws = Parameters<Channels['subscribe']>[0] & Connection;

export class TestLoop {
  readonly fanOut: FanOut;
  readonly channels: Channels;
  readonly #topics: Topics = new Map();
  readonly #connections: Ws[] = [];

  constructor(shared: ChannelLog, seat: number) {
    const totals = Object.fromEntries(COUNTERS.map((counter) => [counter, 0])) as Record<CounterName, number>;
    const slow = new SlowConsumers('drop', MAX_BACKPRESSURE, totals);
    this.fanOut = new FanOut(shared, seat, totals, slow, {
      onBehind: () => this.channels.recover(this.#connections),
      onPlaced: (placed) => this.channels.placed(placed),
    });
    const limits = { maxChannelsPerConnection: 10, maxBackpressure: MAX_BACKPRESSURE };
    this.channels = new Channels(shared, seat, this.fanOut, slow, limits, totals);
    const publish = (topic: string, data: Uint8Array): void => {
      for (const each of this.#topics.get(topic) ?? []) each.send(data);
    };
    this.fanOut.start({ publish } as never);
  }

  connect(): Ws {
    const connection = new Connection(this.#topics, this.#connections.length + 1) as never as Ws;
    this.#connections.push(connection);
    return connection;
  }
}

/** What a channel has published, and what of that the engine holds. Writes what the bridge would write. */
export class Engine {
  readonly #shared: ChannelLog;
  readonly #writer: BridgeWriter;
  readonly #channel: string;
  life: number;
  sequence = 0;
  #texts = new Map<number, string>();

  constructor(shared: ChannelLog, channel: string, sequence: number, life: number) {
    this.life = life;
    this.#shared = shared;
    this.#writer = new BridgeWriter(shared);
    this.#channel = channel;
    while (this.sequence < sequence) this.#number();
  }

  /** Messages are texts that say their number. */
  #number(): string {
    const text = String(++this.sequence);
    this.#texts.set(this.sequence, text);
    return text;
  }

  get epoch(): string {
    return this.#shared.epochOf(this.life);
  }

  at(sequence: number): ChannelPosition {
    return { epoch: this.epoch, sequence };
  }

  place(from = Number.POSITIVE_INFINITY): void {
    expect(this.#writer.tryPlace(this.#channel, this.life, this.sequence, from)).toBe(true);
  }

  tryPublish(): boolean {
    return this.#writer.tryDeliver(this.#delivery(this.#number()));
  }

  publish(count = 1): void {
    for (let i = 0; i < count; i++) expect(this.tryPublish()).toBe(true);
  }

  miss(count: number): void {
    this.sequence += count;
    expect(this.#writer.trySkip(this.#channel, count)).toBe(true);
  }

  /** The engine has forgotten everything. */
  begin(life: number): void {
    Object.assign(this, { life, sequence: 0 });
    this.#texts = new Map();
    this.place();
  }

  answer(after: number): void {
    const messages = [];
    for (let sequence = this.sequence; sequence > after; sequence--) {
      const text = this.#texts.get(sequence);
      if (text === undefined) break;
      messages.unshift({ ...this.#delivery(text), sequence });
    }
    expect(this.#writer.tryReplay(this.#channel, messages)).toBe(true);
    this.place(after);
  }

  forget(upTo: number): void {
    for (let sequence = 1; sequence <= upTo; sequence++) this.#texts.delete(sequence);
  }

  #delivery(text: string) {
    const none = { isBinary: false, compress: true, connection: 0, thread: 0 };
    return { channel: this.#channel, data: Buffer.from(text), ...none };
  }
}

/** A node with one loop and one connection; the test speaks for the bridge and the engine. */
export class OrderedNode {
  readonly shared = new SharedLog({ loops: 2, ringBytes: RING_BYTES, maxChannels: 4, bridge: 'channel' });
  readonly #bridge = this.shared.attach(this.shared.primary.log.bridge);
  readonly loop = this.loopOn(0);
  readonly ws = this.loop.connect();

  loopOn(seat: number): TestLoop {
    return new TestLoop(this.shared.ofLoop(seat), seat);
  }

  /** A channel that has published so many. */
  engine(channel = 'a', sequence = 7, life = LIFE): Engine {
    return new Engine(this.shared.primary, channel, sequence, life);
  }

  /** What the bridge has been asked since. */
  asked(): string[] {
    return this.#bridge
      .collect()
      .filter(({ flags, connection }) => (flags & INTEREST) !== 0 && connection === Tell.asked)
      .map(({ data, sequence }) => `${data} ${sequence}`);
  }

  bridgeSkips(): void {
    this.#bridge.skipToTail();
  }

  /** Publishes more than the log holds while everybody reads but the loop. */
  leaveBehind(engine: Engine): void {
    const { log, writer, lock } = this.shared.primary;
    lock.lock();
    expect(log.tryEject(0)).toBe(true);
    lock.unlock();
    const start = writer.end;
    while (writer.end - start < 2 * log.units) {
      engine.publish(8);
      this.bridgeSkips();
    }
  }
}

export const turns = async (count = 20): Promise<void> => {
  for (let i = 0; i < count; i++) await setImmediate();
};
export const texts = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

/** What was promised, once it is known; a word when it is not. */
export async function settledOf(result: SubscribeResult): Promise<SubscribePosition | 'open' | 'none'> {
  if (!result.ok || result.settled === undefined) return 'none';
  await turns();
  return Promise.race([result.settled, setImmediate('open' as const)]);
}
