/**
 * One connection of a channel. Where the channel has one publisher, all that comes is one stream, compared as a whole; else each frame
 * is looked up in the stream of its publisher. Each subscriber must get all messages of each publisher, once, in order.
 */
import type { Client } from './client.ts';
import { fail } from './load.ts';
import type { Stream } from './stream.ts';

const NOTHING: Buffer = Buffer.alloc(0);

export interface Listener {
  /** `count` messages that `member` had published have come back to it. */
  ownReturned(member: Member, count: number): void;
  /** Messages `from` to `from + count` of one publisher have come. */
  delivered(publisher: number, from: number, count: number): void;
}

export class Member {
  published = 0;
  deliveries = 0;
  /** Of what it published. */
  #ownReturned = 0;
  readonly client: Client;
  /** What it publishes goes over this one: its own connection, or one to another node. */
  readonly #publishing: Client;
  readonly number: number;
  readonly #streams: readonly Stream[];
  /** Where in their streams the publishers of this channel began, so that each channel has something else on its way. */
  readonly #first: number;
  readonly #listener: Listener;
  /** How many messages of each publisher have come. */
  readonly #from: number[];
  /** The beginning of a frame whose end has not come yet. */
  #rest = NOTHING;
  #receivedBytes = 0;

  constructor(
    client: Client,
    number: number,
    channel: number,
    streams: readonly Stream[],
    listener: Listener,
    publishing = client,
  ) {
    this.client = client;
    this.#publishing = publishing;
    this.number = number;
    this.#streams = streams;
    this.#first = (channel * 37) % (streams[0]?.cycle ?? 1);
    this.#listener = listener;
    this.#from = streams.map(() => 0);
    const [only] = streams.length === 1 ? streams : [];
    client.onData =
      only === undefined ? (chunk) => this.#readMany(chunk) : (chunk) => this.#read(only, chunk);
  }

  /** Of what it published, what has not come back to it. */
  get ownInFlight(): number {
    return this.published - this.#ownReturned;
  }

  publish(count: number): void {
    const stream = this.#streams[this.number];
    if (stream === undefined) throw new Error('not a publisher');
    this.#publishing.write(stream.messages(this.#first + this.published, count));
    this.published += count;
  }

  #read(stream: Stream, chunk: Buffer): void {
    const { frameBytes } = stream;
    if (!stream.has(chunk, this.#first * frameBytes + this.#receivedBytes))
      fail('what came to a subscriber differs from what was published, or its order does');
    this.#receivedBytes += chunk.length;
    const deliveries = Math.floor(this.#receivedBytes / frameBytes);
    const count = deliveries - this.deliveries;
    if (count === 0) return;
    this.#listener.delivered(0, this.deliveries, count);
    this.deliveries = deliveries;
    if (this.number === 0) this.#returned(count);
  }

  #readMany(read: Buffer): void {
    const chunk = this.#rest.length === 0 ? read : Buffer.concat([this.#rest, read]);
    const [layout] = this.#streams;
    if (layout === undefined) return;
    const { frameBytes } = layout;
    let own = 0;
    let at = 0;
    for (; at + frameBytes <= chunk.length; at += frameBytes) {
      const publisher = layout.authorAt(chunk, at);
      const from = this.#from[publisher];
      const stream = this.#streams[publisher];
      if (from === undefined || stream === undefined) fail('a message came that nobody had published');
      if (!stream.isMessage(chunk, at, this.#first + from)) this.#failAt(stream, chunk, at, from);
      this.#from[publisher] = from + 1;
      this.#listener.delivered(publisher, from, 1);
      if (publisher === this.number) own++;
    }
    this.deliveries += at / frameBytes;
    this.#rest = at === chunk.length ? NOTHING : Buffer.from(chunk.subarray(at));
    if (own > 0) this.#returned(own);
  }

  #returned(count: number): void {
    this.#ownReturned += count;
    this.#listener.ownReturned(this, count);
  }

  #failAt(stream: Stream, chunk: Buffer, at: number, from: number): never {
    const expected = (this.#first + from) % stream.cycle;
    const number = stream.numberAt(chunk, at);
    if (number === expected) fail('a message came with other bytes than it was published with');
    fail(`message ${number} of a publisher came where ${expected} was to come`);
  }
}
