/**
 * How many subscribers the channels have on all nodes. Nobody asks for that: each node tells the others now and then what has changed, and
 * everything to a node that it has not heard before. So the numbers of other nodes are some seconds old.
 */
import type { ChannelLog } from '../shared/channel-log.ts';

/** Channels that are looked at in one look, and told of in one message. */
const LOOK_CHANNELS = 2000;
const TOLD_CHANNELS = 200;
/** A node that is not heard for so long is gone, and its subscribers with it. */
const SILENCE_MS = 5000;
/** Looks until everything is told again, in case something was lost. */
const REPEAT_LOOKS = 30;

export class Headcount {
  readonly #shared: ChannelLog;
  readonly #tryTell: (counts: ReadonlyMap<string, number>) => boolean;
  readonly #max: number;
  /** What the others have been told, by channel. */
  readonly #told = new Map<string, number>();
  /** Channels that are yet to be looked at in this round. */
  #round: Iterator<string> | undefined;
  /** When each other node was heard last, in ms. */
  readonly #nodes = new Map<string, number>();
  /** Subscribers of other nodes, by channel and node. */
  readonly #others = new Map<string, Map<string, number>>();
  #looks = 0;

  /** Keeps the numbers of at most `max` channels. */
  constructor(shared: ChannelLog, max: number, tryTell: (counts: ReadonlyMap<string, number>) => boolean) {
    this.#shared = shared;
    this.#max = max;
    this.#tryTell = tryTell;
  }

  /** Once a second: tells the others what has changed in some of the channels that are wanted here. */
  look(wanted: ReadonlyMap<string, unknown>): void {
    this.#forgetSilent();
    if (++this.#looks % REPEAT_LOOKS === 0) this.#tellAgain();
    let changed = new Map<string, number>();
    const tell = (): boolean => {
      const counts = changed;
      changed = new Map();
      if (!this.#tryTell(counts)) return false;
      for (const [channel, count] of counts) {
        if (count === 0) this.#told.delete(channel);
        else this.#told.set(channel, count);
      }
      return true;
    };
    for (const channel of this.#next(wanted)) {
      const count = this.#countHere(channel);
      if (count === (this.#told.get(channel) ?? 0)) continue;
      changed.set(channel, count);
      if (changed.size === TOLD_CHANNELS && !tell()) return;
    }
    // Also when nothing has changed: it is there.
    tell();
  }

  /** Another node has said something. */
  heard(node: string, counts: ReadonlyMap<string, number>): void {
    if (!this.#nodes.has(node)) this.#tellAgain();
    this.#nodes.set(node, performance.now());
    for (const [channel, count] of counts) {
      const others = this.#others.get(channel) ?? new Map<string, number>();
      if (count > 0) others.set(node, count);
      else others.delete(node);
      if (others.size === 0) this.#others.delete(channel);
      else if (this.#others.size < this.#max) this.#others.set(channel, others);
      this.apply(channel, others);
    }
  }

  /** The channel is new here. */
  apply(channel: string, others = this.#others.get(channel)): void {
    if (others === undefined) return;
    let count = 0;
    for (const each of others.values()) count += each;
    const { table, lock, name } = this.#shared;
    if (!name.trySet(channel)) return;
    lock.hold(() => {
      // Nothing is forgotten for a channel that is none of this node's.
      const entry =
        table.find(name) || (table.count < this.#max / 2 && count > 0 ? table.findOrCreate(name) : 0);
      if (entry !== 0) table.setElsewhere(entry, count);
    });
  }

  /** Some of those that are wanted, and then those that no longer are. */
  *#next(wanted: ReadonlyMap<string, unknown>): Iterable<string> {
    for (let i = 0; i < LOOK_CHANNELS; i++) {
      this.#round ??= wanted.keys();
      const { value, done } = this.#round.next();
      if (done) {
        this.#round = undefined;
        break;
      }
      yield value as string;
    }
    for (const channel of [...this.#told.keys()]) if (!wanted.has(channel)) yield channel;
  }

  /** Also that a channel has nobody any more. */
  #tellAgain(): void {
    for (const channel of this.#told.keys()) this.#told.set(channel, Number.NaN);
  }

  #countHere(channel: string): number {
    const { table, lock, name } = this.#shared;
    if (!name.trySet(channel)) return 0;
    return lock.hold(() => {
      const entry = table.find(name);
      return entry === 0 ? 0 : table.subscribers(entry);
    });
  }

  #forgetSilent(): void {
    const heardBefore = performance.now() - SILENCE_MS;
    for (const [node, heardMs] of this.#nodes) {
      if (heardMs >= heardBefore) continue;
      this.#nodes.delete(node);
      for (const [channel, others] of this.#others) {
        if (!others.delete(node)) continue;
        if (others.size === 0) this.#others.delete(channel);
        this.apply(channel, others);
      }
    }
  }
}
