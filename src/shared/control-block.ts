/**
 * The control block: what the primary and the loops know of each other without asking. One writer per word; readers take
 * no lock and see each word whole, but not several words at one instant.
 *
 * | word | writer | readers | initial | meaning |
 * |---|---|---|---|---|
 * | header | primary, once, before any thread starts | all | – | identity of this memory |
 * | state | the loop; the primary while no thread has the seat | all | starting | see `LOOP_STATES` |
 * | heartbeatMs | the loop | all | 0 | last turn of its timer, ms since the start, modulo 2^32 |
 * | lagMs | the loop | all | 0 | how late that turn was |
 * | connections, sockets | the loop | all | 0 | open now: WebSockets; TCP connections of any kind |
 * | accepted | the loop | all | 0 | TCP connections that this thread has taken over, modulo 2^32 |
 * | activity | the loop, plainly | all | 0 | what user code it called last, see `ACTIVITIES` |
 * | heapUsedKib, heapLimitKib, utilizationPpm | the loop | all | 0 | its heap in KiB; share of the time since the last heartbeat when it did not sleep, in millionths |
 * | bufferedKib, backlogs | the loop | all | 0 | what waits for its connections in KiB, and for how many; some heartbeats old |
 * | totals | the loop | all | 0 | counters and distributions of this thread; written on each heartbeat, so they err low |
 * | loop, generation, incarnation | primary, before the thread starts | all | 0 | whose seat it is: loop id + 1, or 0 when it is free; threads that loop has had; threads there have been |
 * | released | primary | the loop | 0 | incarnation whose descriptor the acceptor has let go |
 * | retired totals | primary | all | 0 | totals of a loop's threads that are no more |
 * | retirement | primary | all | 0 | odd while totals move from a slot to the retired ones |
 */
import { randomFillSync } from 'node:crypto';
import { type DurationSnapshot, durationSnapshot } from './duration.ts';
import {
  COUNTERS,
  type CounterName,
  controlBlockBytes,
  DURATION_NAMES,
  type DurationName,
  durationLongs,
  HeaderLong,
  HeaderWord,
  LAYOUT_VERSION,
  MAGIC,
  RETIRED_LONGS,
  RETIREMENT_OFFSET,
  retiredOffset,
  seatsFor,
  TOTAL_LONGS,
} from './layout.ts';
import { type Activity, LoopSlot, type LoopState, namedCounters, type SlotStatus } from './loop-slot.ts';

/** What is known of a loop without asking it. While it is replaced, counts are those of both its threads, and the rest is the newer's. */
export interface LoopSnapshot {
  /** 0 to N-1; stays the same when the loop is replaced. */
  readonly id: number;
  /** 1 for the first thread of this loop, one more for each that replaces it; 0 before the first. */
  readonly generation: number;
  /** Where its thread is between start and end. */
  readonly state: LoopState;
  /** Open WebSocket connections. */
  readonly connections: number;
  /** Open TCP connections, HTTP included. */
  readonly sockets: number;
  /** TCP connections ever taken over, modulo 2^32. */
  readonly accepted: number;
  /** Milliseconds since the loop's last heartbeat. */
  readonly heartbeatAgeMs: number;
  /** How late the last heartbeat was, in milliseconds. */
  readonly lagMs: number;
  /** The user code that it called last. */
  readonly lastActivity: Activity;
  /** Share of the time since the heartbeat before the last when the loop did not sleep, 0 to 1. */
  readonly utilization: number;
  /** JavaScript heap of its thread in bytes, rounded up to KiB. */
  readonly heapUsedBytes: number;
  /** What that heap may have at most, in bytes, rounded up to KiB. */
  readonly heapLimitBytes: number;
  /** Bytes that wait to be sent to connections that read too slowly, rounded up to KiB; up to some seconds old. */
  readonly bufferedBytes: number;
  /** How many connections these are; up to some seconds old. */
  readonly backlogs: number;
  /** Totals over all generations of this loop; at most one heartbeat old. */
  readonly counters: Readonly<Record<CounterName, number>>;
  /** `upgrade`: from a request to its 101 answer. `lag`: how late heartbeats were. Over all generations, too. */
  readonly durations: Readonly<Record<DurationName, DurationSnapshot>>;
}

const NS_PER_MS = 1_000_000n;

/** Tries to read counters between two retirements; one takes microseconds and happens once for each thread that ends. */
const READ_ATTEMPTS = 1000;

export class ControlBlock {
  readonly memory: SharedArrayBuffer;
  readonly loops: number;
  /** Random: identifies this life of the shared memory. */
  readonly epoch: bigint;
  /** By seat. */
  readonly slots: readonly LoopSlot[];
  readonly #startNs: bigint;
  readonly #retirement: Int32Array<SharedArrayBuffer>;
  readonly #retired: readonly BigUint64Array<SharedArrayBuffer>[];

  /** Allocates and writes the header. Primary only. */
  static create(loops: number): ControlBlock {
    const memory = new SharedArrayBuffer(controlBlockBytes(loops));
    const words = new Uint32Array(memory);
    const longs = new BigUint64Array(memory, 0, HeaderLong.startNs + 1);
    longs[HeaderLong.epoch] = randomFillSync(new BigUint64Array(1))[0] ?? 0n;
    longs[HeaderLong.startNs] = process.hrtime.bigint();
    words[HeaderWord.version] = LAYOUT_VERSION;
    words[HeaderWord.loops] = loops;
    words[HeaderWord.magic] = MAGIC;
    return new ControlBlock(memory);
  }

  /** Attaches to memory that `create` made; any thread. Throws when it is something else. */
  constructor(memory: SharedArrayBuffer) {
    const words = new Uint32Array(memory);
    const loops = words[HeaderWord.loops] ?? 0;
    if (words[HeaderWord.magic] !== MAGIC || words[HeaderWord.version] !== LAYOUT_VERSION) {
      throw new RangeError('shared memory has another layout than this version of polyloop');
    }
    if (memory.byteLength < controlBlockBytes(loops))
      throw new RangeError('shared memory is shorter than its header says');
    this.memory = memory;
    this.loops = loops;
    this.epoch = new BigUint64Array(memory, 0, HeaderLong.epoch + 1)[HeaderLong.epoch] ?? 0n;
    this.#startNs = new BigUint64Array(memory, 0, HeaderLong.startNs + 1)[HeaderLong.startNs] ?? 0n;
    this.slots = Array.from({ length: seatsFor(loops) }, (_, seat) => new LoopSlot(memory, seat));
    this.#retirement = new Int32Array(memory, RETIREMENT_OFFSET, 1);
    this.#retired = Array.from(
      { length: loops },
      (_, id) => new BigUint64Array(memory, retiredOffset(loops, id), RETIRED_LONGS),
    );
  }

  /** Milliseconds since `create`, on a clock that all threads share. */
  nowMs(): number {
    return Number((process.hrtime.bigint() - this.#startNs) / NS_PER_MS);
  }

  slot(seat: number): LoopSlot {
    const slot = this.slots[seat];
    if (slot === undefined) throw new RangeError(`there is no seat ${seat}`);
    return slot;
  }

  /** The thread of a slot has ended: what it counted stays with its loop. Primary only. */
  retire(slot: LoopSlot): void {
    const retired = this.#retired[slot.loopId];
    if (retired === undefined) return;
    const longs = slot.readLongs();
    // Sequentially consistent adds: whoever sees one of the stores between them sees the first, and reads again.
    Atomics.add(this.#retirement, 0, 1);
    for (const [index, long] of longs.entries()) Atomics.add(retired, index, BigInt(long));
    Atomics.add(retired, TOTAL_LONGS, BigInt(slot.accepted));
    slot.clear();
    Atomics.add(this.#retirement, 0, 1);
  }

  /** Every loop, by id. */
  snapshot(): LoopSnapshot[] {
    const nowMs = this.nowMs();
    for (let attempt = 1; ; attempt++) {
      const before = Atomics.load(this.#retirement, 0);
      const loops = Array.from({ length: this.loops }, (_, id) => this.#snapshotOf(id, nowMs));
      const isWhole = before % 2 === 0 && Atomics.load(this.#retirement, 0) === before;
      if (isWhole || attempt === READ_ATTEMPTS) return loops;
    }
  }

  #snapshotOf(id: number, nowMs: number): LoopSnapshot {
    const slots = this.slots.filter((slot) => slot.loopId === id);
    const sum = (of: (slot: LoopSlot) => number): number =>
      slots.reduce((total, slot) => total + of(slot), 0);
    const retired = this.#retired[id] as BigUint64Array<SharedArrayBuffer>;
    const own = slots.map((slot) => slot.readLongs());
    const longs = Array.from({ length: TOTAL_LONGS }, (_, index) =>
      own.reduce((total, one) => total + (one[index] as number), Number(Atomics.load(retired, index))),
    );
    return {
      id,
      ...statusOf(slots, nowMs),
      connections: sum((slot) => slot.connections),
      sockets: sum((slot) => slot.sockets),
      accepted: (sum((slot) => slot.accepted) + Number(Atomics.load(retired, TOTAL_LONGS))) >>> 0,
      bufferedBytes: sum((slot) => slot.bufferedBytes),
      backlogs: sum((slot) => slot.backlogs),
      counters: namedCounters(longs),
      durations: namedDurations(longs),
    };
  }
}

function namedDurations(longs: readonly number[]): Record<DurationName, DurationSnapshot> {
  let end = COUNTERS.length;
  const pairs = DURATION_NAMES.map((name) => {
    const start = end;
    end += durationLongs(name);
    return [name, durationSnapshot(name, longs.slice(start, end))] as const;
  });
  return Object.fromEntries(pairs) as Record<DurationName, DurationSnapshot>;
}

/** Of the newest thread that serves; of the newest one when none does. */
function statusOf(slots: readonly LoopSlot[], nowMs: number): SlotStatus {
  const newestFirst = slots.toSorted((a, b) => b.incarnation - a.incarnation);
  const slot = newestFirst.find(({ state }) => state !== 'starting') ?? newestFirst[0];
  return slot?.status(nowMs) ?? NO_THREAD;
}

/** Before the first thread of the loop. */
const NO_THREAD: SlotStatus = {
  generation: 0,
  state: 'ended',
  heartbeatAgeMs: 0,
  lagMs: 0,
  lastActivity: 'nothing yet',
  utilization: 0,
  heapUsedBytes: 0,
  heapLimitBytes: 0,
};
