/** A bridge with a real log and a backplane that a test speaks for, on a node whose channels get their numbers from the engine. */
import { setImmediate } from 'node:timers/promises';
import {
  type BackplaneEvents,
  type Incoming,
  NO_SENDER,
  type Sender,
} from '../../src/backplane/backplane.ts';
import { Bridge } from '../../src/primary/bridge.ts';
import type { ChannelLog, ChannelPosition } from '../../src/shared/channel-log.ts';
import { ring } from '../../src/shared/doorbell.ts';
import { History } from '../../src/shared/history.ts';
import { bellIndex, LOG_INTEREST_LOST_INDEX, UNIT_BYTES } from '../../src/shared/layout.ts';
import { GAP, INTEREST, OUTBOUND, POSITION, REPLAY } from '../../src/shared/log.ts';
import { Publisher } from '../../src/shared/publisher.ts';
import { FakeBackplane } from './fake-backplane.ts';
import { type CollectingReader, SharedLog, underLock } from './shared-log.ts';

const MAX_CHANNELS = 4;

/** A record, as short as a test can say it. */
export type Told =
  | { readonly what: 'placed'; readonly life: number; readonly sequence: number; readonly from: number }
  | { readonly what: 'message' | 'replay'; readonly sequence: number; readonly text: string }
  | { readonly what: 'gap'; readonly sequence: number; readonly count: number };

/** A node of its own: a bridge, and a loop that subscribes, publishes and reads. */
export class BridgedNode {
  readonly shared: SharedLog;
  readonly loop: ChannelLog;
  readonly reader: CollectingReader;
  readonly publisher: Publisher;
  readonly history: History;
  readonly bridge: Bridge;
  readonly backplane: FakeBackplane;

  constructor(ringUnits = 1024) {
    this.shared = new SharedLog({
      loops: 2,
      ringBytes: ringUnits * UNIT_BYTES,
      maxChannels: MAX_CHANNELS,
      bridge: 'channel',
    });
    this.loop = this.shared.ofLoop(0);
    this.reader = this.shared.attach(0);
    this.publisher = new Publisher(this.loop);
    this.history = new History(this.loop);
    let connected: FakeBackplane | undefined;
    const connect = (events: BackplaneEvents): FakeBackplane => {
      connected = new FakeBackplane(events);
      connected.order = 'channel';
      return connected;
    };
    this.bridge = new Bridge(this.shared.primary, connect, () => {});
    if (connected === undefined) throw new Error('it has no backplane');
    this.backplane = connected;
  }

  /** Returns when the bridge knows. */
  async subscribe(channel: string, count = 1): Promise<void> {
    this.setSubscribers(channel, count);
    await this.bridgeReads();
  }

  setSubscribers(channel: string, count: number): void {
    underLock(this.loop, () => {
      this.loop.name.trySet(channel);
      const { table, name } = this.loop;
      const entry = table.findOrCreate(name);
      if (entry === 0) throw new Error('there is no room for another channel');
      table.setSubscribers(entry, 0, count);
    });
  }

  /** As many other channels come and go as the table has room for. */
  async forgetIdle(): Promise<void> {
    for (let i = 0; i < MAX_CHANNELS; i++) this.visit(`other ${i}`);
    await this.bridgeReads();
  }

  visit(channel: string): void {
    this.setSubscribers(channel, 1);
    this.setSubscribers(channel, 0);
  }

  /** All that there is; of what it writes itself it is not told. */
  async bridgeReads(): Promise<void> {
    const { log } = this.shared.primary;
    ring(log.words, bellIndex(log.bridge));
    while (log.unread(log.bridge) > 0 || this.#isInterestLost) await setImmediate();
  }

  get #isInterestLost(): boolean {
    return Atomics.load(this.loop.log.words, LOG_INTEREST_LOST_INDEX) === 1;
  }

  position(channel: string): ChannelPosition {
    return underLock(this.loop, () => {
      this.loop.name.trySet(channel);
      return this.loop.positionOf(this.loop.table.find(this.loop.name));
    });
  }

  /** What the loop reads. */
  told(count?: number): Told[] {
    const said = this.reader.collect(count).filter(({ flags }) => (flags & (INTEREST | OUTBOUND)) === 0);
    return said.map(({ flags, sequence, data }) => {
      if ((flags & POSITION) !== 0)
        return { what: 'placed', life: data.readDoubleLE(0), sequence, from: data.readDoubleLE(8) };
      if ((flags & GAP) !== 0) return { what: 'gap', sequence, count: data.readDoubleLE() };
      return { what: (flags & REPLAY) === 0 ? 'message' : 'replay', sequence, text: data.toString() };
    });
  }

  arrives(channel: string, text: string, sender: Sender = NO_SENDER): void {
    this.backplane.events.onMessage(incoming(channel, text, sender));
  }

  placed(channel: string, life: number, sequence: number): void {
    this.backplane.events.onPlaced({ channel, life, sequence });
  }

  replayed(channel: string, after: number, texts: readonly string[]): void {
    const messages = texts.map((text) => incoming(channel, text, NO_SENDER));
    this.backplane.events.onReplayed({ channel, after, messages });
  }

  /** Publishes until the log is full. */
  fill(): void {
    while (this.publisher.publish('filler', 0, 'x', 0, 0).ok);
  }
}

const incoming = (channel: string, text: string, sender: Sender): Incoming => ({
  channel,
  isBinary: false,
  compress: true,
  data: Buffer.from(text),
  sender,
});
export const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
