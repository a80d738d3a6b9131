/**
 * What this node publishes, channel by channel: a stream of messages with numbers that have no gaps, so that whoever gets some of them knows
 * which are missing. A stream that falls silent is followed by beacons, lest nobody notice that its last messages are the ones that are missing.
 */
import { randomFillSync } from 'node:crypto';

export interface Stream {
  readonly id: bigint;
  /** Number of the last message; 0 before the first. */
  readonly number: number;
}

class OwnStream implements Stream {
  readonly id = randomFillSync(new BigUint64Array(1))[0] as bigint;
  number = 0;
  /** Looks at the clock since its last message, or since it began. */
  silent = 0;
}

/** A beacon follows after so many looks without a message, each but the first in case the one before was lost too. */
const BEACONS_AT = [1, 4, 16];
const LAST_BEACON = 16;

export class Streams {
  readonly #max: number;
  /** By channel, the longest unused first. */
  readonly #streams = new Map<string, OwnStream>();
  /** Those that a beacon is due for in some time. */
  readonly #recent = new Set<string>();

  /** `max`: how many are remembered. One that is forgotten begins anew, under another id. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** The stream of a channel with the number of its next message. */
  next(channel: string): Stream {
    let stream = this.#streams.get(channel);
    if (stream === undefined) {
      if (this.#streams.size >= this.#max) this.#forgetOldest();
      stream = new OwnStream();
      this.#streams.set(channel, stream);
    }
    stream.number++;
    stream.silent = 0;
    this.#recent.add(channel);
    return stream;
  }

  of(channel: string): Stream | undefined {
    return this.#streams.get(channel);
  }

  /** Channels whose last message is not long ago. */
  recent(): Iterable<string> {
    return this.#recent;
  }

  /** Once per beacon interval: the channels that a beacon is due for. */
  look(): string[] {
    const due: string[] = [];
    for (const channel of this.#recent) {
      const stream = this.#streams.get(channel);
      if (stream === undefined) {
        this.#recent.delete(channel);
        continue;
      }
      stream.silent++;
      if (BEACONS_AT.includes(stream.silent)) due.push(channel);
      if (stream.silent < LAST_BEACON) continue;
      this.#recent.delete(channel);
      // It has been silent for long: among those that may be forgotten it is the latest.
      this.#streams.delete(channel);
      this.#streams.set(channel, stream);
    }
    return due;
  }

  #forgetOldest(): void {
    const [oldest] = this.#streams.keys();
    if (oldest !== undefined) this.#streams.delete(oldest);
  }
}
