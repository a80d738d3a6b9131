/** One connection whose messages come back: keeps its window full, or sends when it is told to, and checks every byte. */
import { performance } from 'node:perf_hooks';
import type { Client } from './client.ts';
import { fail } from './load.ts';
import type { Stream } from './stream.ts';

export class EchoClient {
  sent = 0;
  echoed = 0;
  readonly #client: Client;
  readonly #stream: Stream;
  /** Where in the stream this connection began, so that each has something else on its way. */
  readonly #first: number;
  readonly #onEcho: (client: EchoClient, count: number, ms: number) => void;
  readonly #sentMs: Float64Array;
  #receivedBytes = 0;

  /** `onEcho` is told how many came back at once, and how long the oldest of them took. */
  constructor(
    client: Client,
    number: number,
    stream: Stream,
    window: number,
    onEcho: (client: EchoClient, count: number, ms: number) => void,
  ) {
    this.#client = client;
    this.#stream = stream;
    this.#first = (number * 61) % stream.cycle;
    this.#onEcho = onEcho;
    this.#sentMs = new Float64Array(window);
    client.onData = (chunk) => this.#read(chunk);
  }

  get inFlight(): number {
    return this.sent - this.echoed;
  }

  /** `sentMs` is when the messages were due, if that was not now. */
  send(count: number, sentMs = performance.now()): void {
    for (let i = this.sent; i < this.sent + count; i++) this.#sentMs[i % this.#sentMs.length] = sentMs;
    this.#client.write(this.#stream.messages(this.#first + this.sent, count));
    this.sent += count;
  }

  #read(chunk: Buffer): void {
    const { frameBytes } = this.#stream;
    const start = this.#first * frameBytes + this.#receivedBytes;
    if (this.#receivedBytes + chunk.length > this.sent * frameBytes) fail('more came back than was sent');
    if (!this.#stream.has(chunk, start)) fail('what came back differs from what was sent, or its order does');
    this.#receivedBytes += chunk.length;
    const echoed = Math.floor(this.#receivedBytes / frameBytes);
    const count = echoed - this.echoed;
    if (count === 0) return;
    const ms = performance.now() - (this.#sentMs[this.echoed % this.#sentMs.length] ?? 0);
    this.echoed = echoed;
    this.#onEcho(this, count, ms);
  }
}
