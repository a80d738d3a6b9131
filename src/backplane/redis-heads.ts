/**
 * What this node knows of channels' numbers, which it tells Redis with every call: a server that was restarted may know less. See
 * redis-scripts.ts.
 */
import { randomInt } from 'node:crypto';
import { integer } from './redis-names.ts';

/** Where a channel stands. */
export interface Place {
  /** 0: not known. */
  readonly life: number;
  readonly last: number;
}

/** What nobody publishes or reads for so long is forgotten by Redis. */
const KEEP_SECONDS = 24 * 60 * 60;
/** An epoch is a random integer up to this. */
const MAX_LIFE = 2 ** 47;
/** What Redis has acknowledged is remembered for so many looks, and twice that: it loses no more of it in a restart. */
const LOOKS = 10;
const MAX_ACKS = 100_000;
const UNKNOWN: Place = { life: 0, last: 0 };

export class RedisHeads {
  /** Of Redis, by its own word; '' before the first. */
  run = '';
  /** What this node was told of channels that it published to, of late and before that. */
  #acks = new Map<string, Place>();
  #olderAcks = new Map<string, Place>();
  #looks = 0;

  /** Channels that something was acknowledged of. */
  acknowledged(): Set<string> {
    return new Set([...this.#acks.keys(), ...this.#olderAcks.keys()]);
  }

  acknowledge(channel: string, [epoch, last]: readonly [Buffer, number]): void {
    const life = integer(epoch) ?? 0;
    const hasRoom = this.#acks.size < MAX_ACKS || this.#acks.has(channel);
    if (hasRoom && last > 0) this.#acks.set(channel, { life, last });
  }

  /** Once a second. */
  look(): void {
    if (++this.#looks % LOOKS !== 0) return;
    this.#olderAcks = this.#acks;
    this.#acks = new Map();
  }

  /**
   * What both scripts begin with. `place`: where the channel stands that is wanted; `before`: up to where its numbers were known in an earlier
   * run of Redis, when nothing was said of that in this one.
   */
  of(channel: string, place = UNKNOWN, before = 0): (string | number)[] {
    const acked = this.#acks.get(channel) ?? this.#olderAcks.get(channel) ?? UNKNOWN;
    const life = place.life || acked.life;
    const floor = Math.max(place.life === life ? place.last : 0, acked.life === life ? acked.last : 0);
    // A new epoch, which is taken only when there is none.
    return [this.run, randomInt(1, MAX_LIFE), KEEP_SECONDS, life, floor, Math.min(before, floor)];
  }
}
