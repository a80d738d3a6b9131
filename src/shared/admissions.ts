/**
 * Connections in total and of each address, counted over all loops. They are kept in a channel table of their own, under a lock
 * of its own: names with a count for each seat are what both need. The names are addresses, and one for the total that no
 * address has. Any thread has one of these; each call holds the lock for about a microsecond.
 *
 * Under the lock a count is compared and raised in one step, so of many attempts at once exactly as many get in as there is
 * room for. Counts are kept by seat, so those of a thread that is no more can be taken out.
 */
import { threadOf } from './channel-log.ts';
import { ChannelTable } from './channel-table.ts';
import { EncodedName } from './encoded-name.ts';
import { TABLE_LOCK_INDEX } from './layout.ts';
import { Mutex } from './mutex.ts';
import { ensureStackRoom } from './stack-room.ts';

/** 0 is no limit. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerIp: number;
}

/** `total`, `address`: that limit is reached. `full`: no room to count another address. */
export type EntryRefusal = 'total' | 'address' | 'full';

/** Addresses that can have connections at a time. Those without one make room for new ones. */
export const MAX_ADDRESSES = 256 * 1024;
const TOTAL = 'total';

export class Admissions {
  readonly #table: ChannelTable;
  readonly #lock: Mutex;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #seat: number;
  readonly #limits: ConnectionLimits;
  readonly #total: EncodedName;
  /** Used again for every address. */
  readonly #address: EncodedName;

  /** Allocates the table. Primary only. */
  static create(
    seats: number,
    { maxConnections }: ConnectionLimits,
    maxAddresses = MAX_ADDRESSES,
  ): SharedArrayBuffer {
    const addresses = maxConnections === 0 ? maxAddresses : Math.min(maxConnections, maxAddresses);
    return ChannelTable.create(seats, addresses + 1);
  }

  /** The counts as the thread on that seat sees them. Throws when the memory is something else. */
  constructor(memory: SharedArrayBuffer, seat: number, limits: ConnectionLimits) {
    this.#table = new ChannelTable(memory);
    this.#words = new Int32Array(memory);
    this.#lock = new Mutex(this.#words, TABLE_LOCK_INDEX, threadOf(seat), 'of the admissions');
    this.#seat = seat;
    this.#limits = limits;
    this.#total = new EncodedName(this.#table.hashKey);
    this.#total.trySet(TOTAL);
    this.#address = new EncodedName(this.#table.hashKey);
  }

  /** Counts a connection of this loop, unless a limit forbids it; `leave` takes it out again. */
  tryEnter(address: string): EntryRefusal | null {
    const { maxConnections, maxConnectionsPerIp } = this.#limits;
    this.#setAddress(address);
    return this.#underLock(() => {
      if (maxConnections > 0 && !this.#tryAdd(this.#total, maxConnections)) return 'total';
      if (maxConnectionsPerIp === 0 || this.#tryAdd(this.#address, maxConnectionsPerIp)) return null;
      if (maxConnections > 0) this.#subtract(this.#total);
      return this.#table.find(this.#address) === 0 ? 'full' : 'address';
    });
  }

  /** A connection that `tryEnter` has counted on this loop is no more. */
  leave(address: string): void {
    this.#setAddress(address);
    this.#underLock(() => {
      if (this.#limits.maxConnections > 0) this.#subtract(this.#total);
      if (this.#limits.maxConnectionsPerIp > 0) this.#subtract(this.#address);
    });
  }

  /** Connections of an address on all loops; of all addresses when none is given. 0 where there is no limit to count for. */
  count(address?: string): number {
    if (address !== undefined) this.#setAddress(address);
    return this.#underLock(() => {
      const entry = this.#table.find(address === undefined ? this.#total : this.#address);
      return entry === 0 ? 0 : this.#table.subscribers(entry);
    });
  }

  /** The thread on that seat has ended, and its connections with it. The primary only. */
  forgetSeat(seat: number): void {
    // No user code runs under this lock, so no thread ends under it: a last line.
    Mutex.free(this.#words, TABLE_LOCK_INDEX, threadOf(seat));
    for (let place: number | undefined = 0; place !== undefined; ) {
      const from: number = place;
      place = this.#underLock(() => this.#table.forgetLoop(seat, from));
    }
  }

  #setAddress(address: string): void {
    if (!this.#address.trySet(address) || address === TOTAL)
      throw new RangeError(`"${address}" is no address`);
  }

  /** False when there are that many already, or no room for the name: then there is no entry. */
  #tryAdd(name: EncodedName, limit: number): boolean {
    const entry = this.#table.findOrCreate(name);
    if (entry === 0 || this.#table.subscribers(entry) >= limit) return false;
    this.#table.setSubscribers(entry, this.#seat, this.#table.subscribersOn(entry, this.#seat) + 1);
    return true;
  }

  #subtract(name: EncodedName): void {
    const entry = this.#table.find(name);
    const count = entry === 0 ? 0 : this.#table.subscribersOn(entry, this.#seat);
    if (count > 0) this.#table.setSubscribers(entry, this.#seat, count - 1);
  }

  #underLock<T>(run: () => T): T {
    ensureStackRoom();
    return this.#lock.hold(run);
  }
}
