/** What this node publishes, on its way to Redis: kept while that is away, sent in order, once. */
import type { Outgoing } from './backplane.ts';
import { Outbox } from './outbox.ts';
import { isRefusal, isTransient } from './redis-errors.ts';
import type { Place } from './redis-heads.ts';
import type { RedisParts } from './redis-parts.ts';

/** Messages of one channel on their way together, or the word that some were dropped. */
interface Sending {
  readonly channel: string;
  /** Of the channel; what it takes in memory counts. */
  readonly subject: string;
  /** See `RedisCodec`. */
  readonly bytes: Buffer;
  /** Of the last one; counts up over all that this process sends. */
  readonly number: number;
  /** Numbers of the channel that they take. */
  readonly count: number;
  readonly isGap: boolean;
  /** Redis may have had them before. They stay together. */
  isRetry: boolean;
}

export interface SenderParts extends RedisParts {
  /** Where a channel stands that is wanted. */
  placeOf(channel: string): Place | undefined;
}

export interface SenderOptions {
  readonly maxWaitingBytes: number;
  /** Messages that Redis keeps of a channel, at least. */
  readonly history: number;
}

/** Commands that may be with Redis before it has answered the first of them, and of one channel: what comes meanwhile goes together. */
const WINDOW = 256;
const CHANNEL_WINDOW = 2;
/** Messages that are looked at in one turn, and what one command may have. */
const TURN = 1024;
const BATCH_BYTES = 128 * 1024;
const BATCH_MESSAGES = 256;

export class RedisSender {
  readonly #parts: SenderParts;
  readonly #history: number;
  readonly #outbox: Outbox<Sending>;
  /** Messages by channel that were dropped, and that no node has been told of. */
  readonly #gaps = new Map<string, number>();
  #number = 0;
  #inFlight = 0;
  /** By channel. */
  readonly #inFlightOf = new Map<string, number>();
  #isScheduled = false;
  /** What has to be sent again. */
  #again: Sending[] = [];
  /** While it is set, messages wait. */
  #hold: NodeJS.Timeout | undefined;

  constructor(parts: SenderParts, { maxWaitingBytes, history }: SenderOptions) {
    this.#parts = parts;
    this.#history = history;
    this.#outbox = new Outbox(maxWaitingBytes);
  }

  get waitingBytes(): number {
    return this.#outbox.bytes;
  }

  get isIdle(): boolean {
    return this.#outbox.length === 0 && this.#inFlight === 0 && this.#gaps.size === 0;
  }

  publish(message: Outgoing): void {
    const sending = this.#sending(message.channel, this.#parts.codec.message(message), 1, false);
    for (const dropped of this.#outbox.push(sending)) this.#drop(dropped);
    if (this.#outbox.bytes > 2 * BATCH_BYTES && this.#inFlight === 0) this.pump();
    else this.#schedule();
  }

  /** Sends nothing for so long. */
  holdFor(ms: number): void {
    this.release();
    this.#hold = setTimeout(() => {
      this.#hold = undefined;
      this.start();
    }, ms).unref();
  }

  release(): void {
    clearTimeout(this.#hold);
    this.#hold = undefined;
  }

  /** Sends what waits, and that something is missing before it. */
  start(): void {
    this.#sendGaps();
    this.pump();
  }

  /** In a turn of its own, so that what is published in this one goes together. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.pump();
    });
  }

  pump(): void {
    if (!this.#maySend()) return;
    const batches = new Map<string, Batch>();
    const later: Sending[] = [];
    const isLater = new Set<string>();
    for (let i = 0; i < TURN && this.#inFlight + batches.size < WINDOW; i++) {
      const next = this.#outbox.shift();
      if (next === undefined) break;
      const { channel } = next;
      const batch = batches.get(channel);
      const isBusy = (this.#inFlightOf.get(channel) ?? 0) + weightOf(next) > CHANNEL_WINDOW;
      if (isBusy || isLater.has(channel) || batch?.tryAdd(next) === false) {
        isLater.add(channel);
        later.push(next);
      } else if (batch === undefined) {
        batches.set(channel, new Batch(next));
      }
    }
    this.#outbox.unshift(later);
    for (const batch of batches.values()) void this.#send(batch.whole());
  }

  /** Once a second, because what was refused may be refused again. Before what waits: what was dropped is older. */
  #sendGaps(): void {
    if (!this.#maySend()) return;
    for (const [channel, count] of this.#gaps) {
      if (this.#inFlight >= WINDOW) return;
      this.#gaps.delete(channel);
      void this.#send(this.#sending(channel, this.#parts.codec.gap(channel, count), count, true));
    }
  }

  #sending(channel: string, bytes: Buffer, count: number, isGap: boolean): Sending {
    const subject = this.#parts.names.subject(channel);
    return { channel, subject, bytes, number: ++this.#number, count, isGap, isRetry: false };
  }

  #maySend(): boolean {
    return this.#parts.connections.isOpen && this.#again.length === 0 && this.#hold === undefined;
  }

  /** Its channel's numbers have a gap there, so that all nodes know. */
  #drop({ channel, count, isGap }: Sending): void {
    if (!isGap) this.#parts.totals.dropped += count;
    this.#gaps.set(channel, (this.#gaps.get(channel) ?? 0) + count);
  }

  async #send(sending: Sending): Promise<void> {
    const { connections, codec, names, heads, totals, placeOf } = this.#parts;
    const { channel, subject, bytes, number, count, isRetry, isGap } = sending;
    const weight = weightOf(sending);
    this.#inFlight++;
    this.#inFlightOf.set(channel, (this.#inFlightOf.get(channel) ?? 0) + weight);
    try {
      const head = heads.of(channel, placeOf(channel));
      // Gaps are counted apart: they overtake messages that wait.
      const publisher = isGap ? `${codec.stream}g` : String(codec.stream);
      const message = [bytes, publisher, number, isRetry ? 1 : 0, count, this.#history, subject] as const;
      const reply = await connections.run('publish', names.keys(channel), ...head, ...message);
      heads.acknowledge(channel, reply as [Buffer, number]);
      // Later ones have overtaken them, which can only be told of now.
      if ((reply as [Buffer, number])[1] < 0) this.#drop(sending);
      else if (!isGap) totals.sent += count;
    } catch (error) {
      this.#failed(sending, error as Error);
    }
    this.#inFlight--;
    const left = (this.#inFlightOf.get(channel) ?? 0) - weight;
    if (left > 0) this.#inFlightOf.set(channel, left);
    else this.#inFlightOf.delete(channel);
    if (this.#inFlight === 0 && this.#again.length > 0) {
      // A command that could not be sent fails before one that waits for its answer.
      this.#outbox.unshift(this.#again.sort((one, other) => one.number - other.number));
      this.#again = [];
    }
    if (this.#outbox.length > 0) this.#schedule();
  }

  #failed(sending: Sending, error: Error): void {
    if (isRefusal(error) && !isTransient(error)) {
      this.#drop(sending);
      return;
    }
    if (!isRefusal(error)) sending.isRetry = true;
    this.#again.push(sending);
    this.#parts.connections.restart();
  }
}

/** What is sent again goes alone: what follows must not be taken before it. */
const weightOf = ({ isRetry }: Sending): number => (isRetry ? CHANNEL_WINDOW : 1);

const isLoose = ({ isRetry, isGap }: Sending): boolean => !isRetry && !isGap;

/** Messages of one channel that go together. */
class Batch {
  readonly #first: Sending;
  readonly #parts: Buffer[];
  #last: Sending;
  #bytes: number;
  #count: number;

  constructor(first: Sending) {
    this.#first = first;
    this.#last = first;
    this.#parts = [first.bytes];
    this.#bytes = first.bytes.length;
    this.#count = first.count;
  }

  /** False when it must go in another command. */
  tryAdd(next: Sending): boolean {
    this.#bytes += next.bytes.length;
    if (
      this.#bytes > BATCH_BYTES ||
      this.#parts.length === BATCH_MESSAGES ||
      !isLoose(this.#first) ||
      !isLoose(next)
    )
      return false;
    this.#parts.push(next.bytes);
    this.#count += next.count;
    this.#last = next;
    return true;
  }

  whole(): Sending {
    if (this.#parts.length === 1) return this.#first;
    const { number } = this.#last;
    return { ...this.#first, bytes: Buffer.concat(this.#parts), number, count: this.#count };
  }
}
