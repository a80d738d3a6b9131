/**
 * People in channels, few of which are popular (Zipf's law): each says something in one of its channels, waits until it hears itself,
 * and now and then leaves a channel for another. While somebody is in a channel it must hear everybody there, in order, with nothing
 * missing and nothing twice, and nothing after it has left.
 *
 * ```
 * join, leave   ├ j or l ├ channel, 3 digits ┤                                        answered with the same
 * message       ├ m ├ channel, 3 digits ├ speaker, 4 digits ├ number, 8 digits ├ … ┤   number: the speaker's in this channel
 * ```
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Figures } from '../result.ts';
import { Client, openAll } from './client.ts';
import { dialect } from './dialect.ts';
import { BINARY, clientFrame, FrameReader } from './frames.ts';
import { DRAIN_TIMEOUT_MS, fail, type Load, warmUpMs } from './load.ts';
import { Latencies, Measurement } from './measurement.ts';

export interface ChatLoad extends Load {
  readonly kind: 'chat';
  readonly people: number;
  readonly channels: number;
  /** Channels that each is in at a time. */
  readonly each: number;
  readonly bytes: number;
}

const AT_A_TIME = 10;
/** One in so many messages is followed by a change of channel. */
const STAYS = 20;
const digits = (number: number, count: number): string => String(number).padStart(count, '0');
/** One of 0 to `count` - 1, the popular ones first: number n with a weight of 1 / (n + 1). */
function zipf(count: number): () => number {
  let total = 0;
  const sums = Array.from({ length: count }, (_, number) => {
    total += 1 / (number + 1);
    return total;
  });
  return () => {
    const point = Math.random() * total;
    return sums.findIndex((sum) => sum >= point);
  };
}

class Person {
  heard = 0;
  /** Until it hears itself, or its joining and leaving has been answered. */
  isWaiting = false;
  readonly #client: Client;
  readonly #number: number;
  readonly #load: ChatLoad;
  readonly #pick: () => number;
  readonly #onOwn: (person: Person, ms: number) => void;
  readonly #channels = new Set<number>();
  /** Messages said, by channel. */
  readonly #said: number[] = [];
  /** The next message of each speaker, by channel. */
  readonly #next = new Map<number, Map<number, number>>();
  #sentMs = 0;
  #unanswered = 0;

  constructor(
    client: Client,
    number: number,
    load: ChatLoad,
    pick: () => number,
    onOwn: (person: Person, ms: number) => void,
  ) {
    this.#client = client;
    this.#number = number;
    this.#load = load;
    this.#pick = pick;
    this.#onOwn = onOwn;
    const reader = new FrameReader((_, payload) => this.#hear(payload.toString('latin1')));
    client.onData = (chunk) => reader.push(chunk);
  }

  join(): void {
    let channel = this.#pick();
    while (this.#channels.has(channel)) channel = this.#pick();
    this.#ask('j', channel);
    this.#next.set(channel, new Map());
    this.#channels.add(channel);
  }

  say(): void {
    const channels = [...this.#channels];
    const channel = channels[Math.floor(Math.random() * channels.length)] ?? 0;
    const number = this.#said[channel] ?? 0;
    this.#said[channel] = number + 1;
    const text = `m${digits(channel, 3)}${digits(this.#number, 4)}${digits(number, 8)}`;
    this.#sentMs = performance.now();
    this.isWaiting = true;
    this.#client.write(clientFrame(BINARY, Buffer.from(text.padEnd(this.#load.bytes, '.'))));
  }

  /** Leaves one channel for another. */
  move(): void {
    const [oldest = 0] = this.#channels;
    this.join();
    this.#channels.delete(oldest);
    this.#ask('l', oldest);
  }

  #ask(what: string, channel: number): void {
    this.#unanswered++;
    this.isWaiting = true;
    this.#client.write(clientFrame(BINARY, Buffer.from(what + digits(channel, 3))));
  }

  #hear(text: string): void {
    const channel = Number(text.slice(1, 4));
    const next = this.#next.get(channel) ?? fail('something came of a channel that was left or never joined');
    if (text[0] !== 'm') {
      if (text[0] === 'l') this.#next.delete(channel);
      this.isWaiting = --this.#unanswered > 0;
      if (!this.isWaiting) this.#onOwn(this, Number.NaN);
      return;
    }
    const speaker = Number(text.slice(4, 8));
    const number = Number(text.slice(8, 16));
    if (text.length !== this.#load.bytes || !text.endsWith('.')) fail('a message is not as it was said');
    const expected = next.get(speaker) ?? number;
    if (number !== expected) fail(`message ${number} of a speaker came where ${expected} was to come`);
    next.set(speaker, number + 1);
    this.heard++;
    if (speaker !== this.#number) return;
    this.isWaiting = false;
    this.#onOwn(this, performance.now() - this.#sentMs);
  }
}

export async function chat(load: ChatLoad): Promise<Figures> {
  const manner = dialect(load.dialect);
  const latencies = new Latencies();
  let isMeasuring = false;
  let isOver = false;
  const goOn = (person: Person, ms: number): void => {
    const isAnswer = Number.isNaN(ms);
    if (isMeasuring && !isAnswer) latencies.record(ms);
    if (isOver) return;
    if (!isAnswer && Math.random() < 1 / STAYS) person.move();
    else person.say();
  };
  const pick = zipf(load.channels);
  const people = await openAll(load.people, AT_A_TIME, async (number) => {
    const client = await Client.open(load.port, '/chat', manner);
    return new Person(client, number, load, pick, goOn);
  });
  for (const person of people) for (let i = 0; i < load.each; i++) person.join();
  const heard = (): number => people.reduce((total, person) => total + person.heard, 0);

  await delay(warmUpMs(load));
  isMeasuring = true;
  const before = heard();
  const measurement = new Measurement(load.pids);
  await delay(load.seconds * 1000);
  const figures = measurement.end(heard() - before, latencies.latency);
  isMeasuring = false;
  isOver = true;
  const isDone = (): boolean => people.every(({ isWaiting }) => !isWaiting);
  for (const end = performance.now() + DRAIN_TIMEOUT_MS; !isDone(); await delay(10)) {
    if (performance.now() > end) fail('somebody did not hear itself');
  }
  return figures;
}
