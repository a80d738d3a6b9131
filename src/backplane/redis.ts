/**
 * The backplane on Redis 6.2 or later, and on Valkey: one order for each channel over all nodes. Redis numbers what is published, keeps the
 * latest of it in a stream, and publishes it, in one script; nodes deliver what they hear, and read in the stream what they did not hear.
 */
import type { Backplane, BackplaneEvents, BackplaneState, Outgoing } from './backplane.ts';
import { RedisCodec } from './redis-codec.ts';
import { RedisConnections, type RedisServers } from './redis-connections.ts';
import { RedisHeads } from './redis-heads.ts';
import { RedisNames } from './redis-names.ts';
import { RedisReader } from './redis-reader.ts';
import { RedisSender, type SenderOptions } from './redis-sender.ts';

export interface RedisOptions extends Omit<RedisServers, 'name'>, SenderOptions {
  /** This node's id. */
  readonly node: string;
  readonly prefix: string;
  /** See `Envelopes`. */
  readonly key: string | null;
}

const LOOK_MS = 1000;
const FLUSH_LOOK_MS = 5;
/** So long nobody publishes after Redis was found in another run: all nodes have come back by then. */
const HOLD_MS = 2000;

export class RedisBackplane implements Backplane {
  readonly order = 'channel';
  state: BackplaneState = 'down';
  readonly totals = { sent: 0, received: 0, dropped: 0, missed: 0, refused: 0, reconnects: 0 };
  readonly #events: BackplaneEvents;
  readonly #codec: RedisCodec;
  readonly #names: RedisNames;
  readonly #heads = new RedisHeads();
  readonly #connections: RedisConnections;
  readonly #reader: RedisReader;
  readonly #sender: RedisSender;
  readonly #congestedBytes: number;
  readonly #timer: NodeJS.Timeout;
  #isStateTold = false;
  #isClosed = false;

  /** Connects in the background, for as long as it takes. */
  constructor(options: RedisOptions, events: BackplaneEvents) {
    this.#events = events;
    this.#congestedBytes = options.maxWaitingBytes / 2;
    this.#codec = new RedisCodec(options.node, options.key);
    this.#names = new RedisNames(options.prefix);
    this.#connections = new RedisConnections(
      { ...options, name: `polyloop-${options.node}` },
      {
        onOpen: (run) => this.#opened(run),
        onClose: (reason) => this.#lost(reason),
        onMessage: (subject, bytes) => {
          if (subject === this.#names.everyone) this.#counted(bytes);
          else this.#reader.heard(subject, bytes);
        },
      },
    );
    const parts = {
      connections: this.#connections,
      codec: this.#codec,
      names: this.#names,
      heads: this.#heads,
      totals: this.totals,
    };
    this.#reader = new RedisReader(parts, events);
    const placeOf = this.#reader.placeOf.bind(this.#reader);
    this.#sender = new RedisSender({ ...parts, placeOf }, options);
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  get waitingBytes(): number {
    return this.#sender.waitingBytes;
  }

  get isCongested(): boolean {
    return this.state === 'connected' && this.waitingBytes > this.#congestedBytes;
  }

  publish(message: Outgoing): void {
    if (!this.#isClosed) this.#sender.publish(message);
  }

  want(channel: string): void {
    this.#reader.want(channel);
  }

  unwant(channel: string): void {
    this.#reader.unwant(channel);
  }

  replay(channel: string, after: number): void {
    this.#reader.replay(channel, after);
  }

  tryAnnounce(counts: ReadonlyMap<string, number>): boolean {
    if (!this.#connections.isOpen) return false;
    this.#connections.publish(this.#names.everyone, this.#codec.counts(counts));
    return true;
  }

  async close(timeoutMs: number): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    const endMs = performance.now() + timeoutMs;
    while (!this.#sender.isIdle && this.#heads.run !== '' && performance.now() < endMs) {
      this.#sender.start();
      await new Promise((resolve) => setTimeout(resolve, FLUSH_LOOK_MS));
    }
    this.#connections.close();
    this.#setState('down');
  }

  #opened(run: string): void {
    const before = this.#heads.run;
    this.#heads.run = run;
    if (before !== '') this.totals.reconnects++;
    if (before !== '' && before !== run) {
      // Before anybody publishes in this run of Redis, all say up to where they know numbers.
      this.#sender.holdFor(HOLD_MS);
      for (const channel of this.#heads.acknowledged()) this.#reader.tellFloor(channel);
    }
    this.#setState('connected');
    this.#reader.opened(before !== run);
    this.#sender.start();
    this.#connections.listen([this.#names.everyone]).catch(() => this.#connections.restart());
  }

  #lost(reason: string): void {
    this.#sender.release();
    const isAway = this.#heads.run !== '' && !this.#isClosed;
    this.#setState(isAway ? 'degraded' : 'down', reason);
  }

  #setState(state: BackplaneState, reason?: string): void {
    if (state === this.state && this.#isStateTold) return;
    this.#isStateTold = true;
    this.state = state;
    this.#events.onState(state, reason);
  }

  /** Once a second. */
  #look(): void {
    this.#heads.look();
    this.#sender.start();
    this.#reader.look();
  }

  #counted(bytes: Buffer): void {
    const said = this.#codec.openCounts(bytes);
    if (said === undefined) this.totals.refused++;
    else if (!said.isOwn) this.#events.onCounts(said.node, said.counts);
  }
}
