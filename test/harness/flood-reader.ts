/** A client of test/fixtures/paced-flood.js that reads as fast as it can: a raw socket, so that many messages cost a test little. */
import { RawClient } from './raw-client.ts';

const LENGTH_16 = 126;
/** Latencies are counted by tenths of a millisecond, up to 20 s. */
const TENTHS = 200_000;

/** How long messages took from publishing to delivery. */
export class Latencies {
  readonly #counts = new Uint32Array(TENTHS);
  #total = 0;

  add(ms: number): void {
    const tenth = Math.max(0, Math.min(TENTHS - 1, Math.floor(ms * 10)));
    this.#counts[tenth] = (this.#counts[tenth] ?? 0) + 1;
    this.#total++;
  }

  /** In milliseconds; `share` is 0.99 for the 99th percentile. */
  percentile(share: number): number {
    let left = this.#total * share;
    const tenth = this.#counts.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return (tenth + 1) / 10;
  }
}

export class FloodReader {
  /** The newest number. */
  last = 0;
  /** The first number that was not the one after the one before. */
  wrong: string | undefined;
  /** Where it adds what it measures. */
  latencies: Latencies;
  #rest: Buffer = Buffer.alloc(0);

  private constructor({ socket }: RawClient, latencies: Latencies) {
    this.latencies = latencies;
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  static async open(port: number, latencies: Latencies): Promise<FloodReader> {
    return new FloodReader(await RawClient.open(port, '/reader'), latencies);
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const nowMs = Number(process.hrtime.bigint()) / 1e6;
    let at = 0;
    while (bytes.length >= at + 4) {
      const short = bytes[at + 1] ?? 0;
      const start = at + (short === LENGTH_16 ? 4 : 2);
      const end = start + (short === LENGTH_16 ? bytes.readUInt16BE(at + 2) : short);
      if (bytes.length < end) break;
      // Pings have no number in them.
      if (end - start >= 16) this.#receive(bytes.readDoubleBE(start), nowMs - bytes.readDoubleBE(start + 8));
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }

  #receive(number: number, ms: number): void {
    if (number !== this.last + 1) this.wrong ??= `${number} after ${this.last}`;
    this.last = number;
    this.latencies.add(ms);
  }
}
