/**
 * The backplane on NATS, by core subjects: what is published goes to whoever is subscribed just then, and is not kept. Ordered by node.
 *
 * A channel is the subject `PREFIX.c.TOKEN`, see subject.ts; `PREFIX.n` is where nodes say that they are there. One connection, which does not get
 * what it sent itself.
 */
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { connect } from '@nats-io/transport-node';
import { within } from '../within.ts';
import { Arrivals } from './arrivals.ts';
import {
  type Backplane,
  type BackplaneEvents,
  type BackplaneState,
  NO_SENDER,
  type Outgoing,
} from './backplane.ts';
import { openCounts, packCounts } from './counts.ts';
import { Envelopes, Kind } from './envelope.ts';
import { Outbox, type Waiting } from './outbox.ts';
import { Streams } from './streams.ts';
import { subjectOf } from './subject.ts';

export interface NatsOptions {
  /** `host:port`, in the order in which they are tried first. */
  readonly servers: readonly string[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly isTls: boolean;
  /** This node's id. */
  readonly node: string;
  readonly prefix: string;
  /** See `Envelopes`. */
  readonly key: string | null;
  /** Bytes of messages that may wait while the engine is away. */
  readonly maxWaitingBytes: number;
  /** Channels whose numbers are remembered. */
  readonly maxStreams: number;
}

const RETRY_MS = 500;
/** What waited is held back for so long after the engine has come back, because the other nodes find it at different times. */
const HOLD_MS = 1000;
const LOOK_MS = 1000;
/** A node that is not heard for so long is gone. */
const PRESENCE_TIMEOUT_MS = 5000;
/** What may be on its way to the engine before it has said that it has the first of it. */
const WINDOW_BYTES = 8 * 1024 * 1024;
const ACKNOWLEDGE_BYTES = WINDOW_BYTES / 4;
const NO_DATA = Buffer.alloc(0);
/** The channel of what is said to all nodes: no channel has that name. */
const EVERYONE = '';

interface Outbound extends Waiting {
  readonly kind: Kind;
}

export class NatsBackplane implements Backplane {
  readonly order = 'node';
  state: BackplaneState = 'down';
  readonly totals = { sent: 0, received: 0, dropped: 0, missed: 0, refused: 0, reconnects: 0 };
  readonly #options: NatsOptions;
  readonly #events: BackplaneEvents;
  readonly #envelopes: Envelopes;
  readonly #streams: Streams;
  readonly #arrivals = new Arrivals();
  readonly #outbox: Outbox<Outbound>;
  readonly #subscriptions = new Map<string, Subscription>();
  /** When each other node was heard last, in ms; all of it counts from when this one was connected last. */
  readonly #nodes = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #connection: NatsConnection | undefined;
  #unacknowledgedBytes = 0;
  #isFlushing = false;
  /** While it is set, messages wait. */
  #hold: NodeJS.Timeout | undefined;
  #isClosed = false;
  #isExplained = false;

  /** Connects in the background, for as long as it takes. */
  constructor(options: NatsOptions, events: BackplaneEvents) {
    this.#options = options;
    this.#events = events;
    this.#envelopes = new Envelopes(options.key);
    this.#streams = new Streams(options.maxStreams);
    this.#outbox = new Outbox(options.maxWaitingBytes);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
    void this.#connect();
  }

  get waitingBytes(): number {
    return this.#outbox.bytes;
  }

  get isCongested(): boolean {
    return this.state === 'connected' && this.waitingBytes > this.#options.maxWaitingBytes / 2;
  }

  publish({ channel, isBinary, compress, data }: Outgoing): void {
    if (this.#isClosed) return;
    const { id: stream, number } = this.#streams.next(channel);
    const { node } = this.#options;
    this.#send(channel, { kind: Kind.message, isBinary, compress, node, stream, number, data });
  }

  want(channel: string): void {
    this.#arrivals.want(channel);
    if (this.#connection) this.#subscribe(this.#connection, channel);
  }

  unwant(channel: string): void {
    this.#arrivals.unwant(channel);
    this.#subscriptions.get(channel)?.unsubscribe();
    this.#subscriptions.delete(channel);
  }

  tryAnnounce(counts: ReadonlyMap<string, number>): boolean {
    if (this.state !== 'connected' || this.#hold) return false;
    this.#say(EVERYONE, Kind.counts, 0n, 0, packCounts(counts));
    return true;
  }

  /** Nothing is kept. */
  replay(): void {}

  async close(timeoutMs: number): Promise<void> {
    if (this.#isClosed) return;
    for (const channel of this.#streams.recent()) this.#beacon(channel);
    this.#say(EVERYONE, Kind.farewell);
    this.#isClosed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#hold);
    this.#hold = undefined;
    const connection = this.#connection;
    if (connection === undefined) return;
    await within(timeoutMs, this.#flushed(connection));
    await connection.close().catch(() => {});
  }

  // ── the connection ──

  async #connect(): Promise<void> {
    const { servers, user, password: pass, isTls, node } = this.#options;
    while (!this.#isClosed) {
      try {
        const connection = await connect({
          servers: [...servers],
          noRandomize: true,
          ...(user === undefined ? {} : { user, pass: pass ?? '' }),
          ...(isTls ? { tls: {} } : {}),
          name: `polyloop ${node}`,
          noEcho: true,
          maxReconnectAttempts: -1,
          reconnectTimeWait: RETRY_MS,
          ignoreAuthErrorAbort: true,
        });
        this.#connected(connection);
        await this.#follow(connection);
      } catch (error) {
        this.#explain((error as Error).message);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === 'disconnect') this.#disconnected();
      else if (type === 'reconnect') {
        this.totals.reconnects++;
        this.#resume();
      }
    }
    this.#connection = undefined;
    this.#subscriptions.clear();
    this.#disconnected();
  }

  #connected(connection: NatsConnection): void {
    if (this.#isClosed) {
      void connection.close();
      return;
    }
    this.#connection = connection;
    const { prefix } = this.#options;
    connection.subscribe(`${prefix}.n`, {
      callback: (error, message) => {
        if (error === null) this.#present(asBuffer(message.data));
      },
    });
    for (const channel of this.#arrivals.wanted()) this.#subscribe(connection, channel);
    this.#resume();
  }

  /** Both sides may have missed something: whatever can be known of that is asked for, and told. */
  #resume(): void {
    this.#setState('connected');
    for (const node of this.#nodes.keys()) this.#nodes.set(node, performance.now());
    clearTimeout(this.#hold);
    this.#hold = setTimeout(() => this.#release(), HOLD_MS).unref();
  }

  #release(): void {
    this.#hold = undefined;
    if (this.state !== 'connected') return;
    this.#say(EVERYONE, Kind.beacon);
    this.#pump();
    for (const channel of this.#arrivals.wanted()) this.#say(channel, Kind.question);
    for (const channel of this.#streams.recent()) this.#beacon(channel);
  }

  #disconnected(): void {
    this.#unacknowledgedBytes = 0;
    this.#setState(this.#isClosed ? 'down' : 'degraded');
  }

  /** Once, when the engine is not there at the start. */
  #explain(reason: string): void {
    if (this.#isExplained || this.#isClosed) return;
    this.#isExplained = true;
    this.#events.onState(this.state, reason);
  }

  #setState(state: BackplaneState): void {
    this.#isExplained = true;
    if (state === this.state) return;
    this.state = state;
    this.#events.onState(state);
  }

  #subscribe(connection: NatsConnection, channel: string): void {
    const subscription = connection.subscribe(this.#subject(channel), {
      callback: (error, message) => {
        if (error === null) this.#arrived(channel, asBuffer(message.data));
        // The engine does not let this node hear the channel.
        else this.#events.onMissed({ channel, count: null });
      },
    });
    this.#subscriptions.set(channel, subscription);
    if (this.state === 'connected') this.#say(channel, Kind.question);
  }

  // ── sending ──

  #subject(channel: string): string {
    const { prefix } = this.#options;
    return channel === EVERYONE ? `${prefix}.n` : subjectOf(`${prefix}.c`, channel);
  }

  #send(channel: string, envelope: Parameters<Envelopes['pack']>[1]): void {
    const bytes = this.#envelopes.pack(channel, envelope);
    this.totals.dropped += this.#outbox.push({
      subject: this.#subject(channel),
      bytes,
      kind: envelope.kind,
    }).length;
    this.#pump();
  }

  /** Something that is no message of the app's. Nothing of it is kept for later. */
  #say(channel: string, kind: Kind, stream = 0n, number = 0, data: Uint8Array = NO_DATA): void {
    if (this.state !== 'connected' || this.#hold) return;
    const { node } = this.#options;
    this.#send(channel, { kind, isBinary: true, compress: false, node, stream, number, data });
  }

  #beacon(channel: string): void {
    const stream = this.#streams.of(channel);
    if (stream) this.#say(channel, Kind.beacon, stream.id, stream.number);
  }

  #pump(): void {
    const connection = this.#connection;
    if (connection === undefined || this.state !== 'connected' || this.#hold) return;
    while (this.#unacknowledgedBytes < WINDOW_BYTES) {
      const next = this.#outbox.shift();
      if (next === undefined) break;
      try {
        connection.publish(next.subject, next.bytes);
        if (next.kind === Kind.message) this.totals.sent++;
        this.#unacknowledgedBytes += next.bytes.length;
      } catch {
        // Larger than this engine takes. Its number is used up, so it is missed where it was wanted.
        this.totals.dropped++;
      }
    }
    if (this.#unacknowledgedBytes >= ACKNOWLEDGE_BYTES && !this.#isFlushing)
      void this.#acknowledge(connection);
  }

  async #acknowledge(connection: NatsConnection): Promise<void> {
    this.#isFlushing = true;
    const bytes = this.#unacknowledgedBytes;
    try {
      await connection.flush();
      this.#unacknowledgedBytes = Math.max(0, this.#unacknowledgedBytes - bytes);
    } catch {
      // It is away; what was on its way does not count any more.
    }
    this.#isFlushing = false;
    this.#pump();
  }

  async #flushed(connection: NatsConnection): Promise<void> {
    while (this.#outbox.length > 0 && this.state === 'connected') {
      this.#pump();
      await connection.flush().catch(() => {});
      this.#unacknowledgedBytes = 0;
    }
    await connection.flush().catch(() => {});
  }

  // ── receiving ──

  #arrived(channel: string, bytes: Buffer): void {
    const envelope = this.#envelopes.open(channel, bytes);
    if (envelope === undefined || envelope.node === this.#options.node) {
      this.totals.refused++;
      return;
    }
    if (envelope.kind === Kind.question) {
      this.#beacon(channel);
      return;
    }
    const { missed, isNew } = this.#arrivals.heard(channel, envelope);
    if (missed > 0) {
      this.totals.missed += missed;
      this.#events.onMissed({ channel, count: missed });
    }
    if (!isNew) return;
    this.totals.received++;
    const { isBinary, compress, data } = envelope;
    this.#events.onMessage({ channel, isBinary, compress, data, sender: NO_SENDER });
  }

  #present(bytes: Buffer): void {
    const envelope = this.#envelopes.open(EVERYONE, bytes);
    if (envelope === undefined || envelope.node === this.#options.node) {
      this.totals.refused++;
    } else if (envelope.kind === Kind.farewell) {
      this.#nodes.delete(envelope.node);
      this.#arrivals.forget(envelope.node);
    } else {
      this.#nodes.set(envelope.node, performance.now());
      const counts = envelope.kind === Kind.counts ? openCounts(envelope.data) : undefined;
      if (counts !== undefined) this.#events.onCounts(envelope.node, counts);
    }
  }

  /** Once a second. */
  #look(): void {
    if (this.state !== 'connected') return;
    this.#say(EVERYONE, Kind.beacon);
    for (const channel of this.#streams.look()) this.#beacon(channel);
    const heardBefore = performance.now() - PRESENCE_TIMEOUT_MS;
    for (const [node, heardMs] of this.#nodes) {
      if (heardMs >= heardBefore) continue;
      this.#nodes.delete(node);
      // What it published last may not have left it.
      for (const channel of this.#arrivals.forget(node)) this.#events.onMissed({ channel, count: null });
    }
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
