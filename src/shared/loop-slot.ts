/** One seat's slot in the control block: what the thread that has the seat tells, and what the primary tells it. */

import type { LoopSnapshot } from './control-block.ts';
import type { Duration } from './duration.ts';
import {
  COUNTERS,
  type CounterName,
  DURATION_NAMES,
  type DurationName,
  SEAT_OFFSET,
  SeatWord,
  StatusWord,
  slotOffset,
  TOTAL_LONGS,
  TOTALS_OFFSET,
} from './layout.ts';

const KIB = 1024;
const PPM = 1_000_000;
/** Words that say how a thread is doing; 0 while no thread has the seat. */
const VITAL_WORDS = [
  StatusWord.connections,
  StatusWord.sockets,
  StatusWord.accepted,
  StatusWord.lagMs,
  StatusWord.activity,
  StatusWord.heapUsedKib,
  StatusWord.heapLimitKib,
  StatusWord.utilizationPpm,
  StatusWord.bufferedKib,
  StatusWord.backlogs,
];

export const LOOP_STATES = ['starting', 'ready', 'draining', 'ended'] as const;
/**
 * State of a loop. `starting`: loads the app module. `ready`: takes connections. `draining`: is being emptied. `ended`: its app is closed.
 * @useDeclaredType
 */
export type LoopState = (typeof LOOP_STATES)[number];

export const ACTIVITIES = [
  'nothing yet',
  'app module',
  'shouldUpgrade',
  'onUpgrade',
  'onMessage',
  'onText',
  'onBinary',
  'onPing',
  'onPong',
  'onDrain',
  'onMissed',
  'fetch',
  'onShutdown',
] as const;
/**
 * User code that a loop calls; what it called last says what may keep it from turning.
 * @useDeclaredType
 */
export type Activity = (typeof ACTIVITIES)[number];
const ACTIVITY_INDEX = Object.fromEntries(ACTIVITIES.map((name, index) => [name, index])) as Record<
  Activity,
  number
>;

/** What a thread tells of itself. */
export type SlotStatus = Pick<
  LoopSnapshot,
  | 'generation'
  | 'state'
  | 'heartbeatAgeMs'
  | 'lagMs'
  | 'lastActivity'
  | 'utilization'
  | 'heapUsedBytes'
  | 'heapLimitBytes'
>;

/** Which thread may call a setter is in the table in control-block.ts. */
export class LoopSlot {
  readonly seat: number;
  readonly #status: Int32Array<SharedArrayBuffer>;
  readonly #totals: BigUint64Array<SharedArrayBuffer>;
  readonly #primarys: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer, seat: number) {
    const offset = slotOffset(seat);
    this.seat = seat;
    this.#status = new Int32Array(memory, offset, Object.keys(StatusWord).length);
    this.#totals = new BigUint64Array(memory, offset + TOTALS_OFFSET, TOTAL_LONGS);
    this.#primarys = new Int32Array(memory, offset + SEAT_OFFSET, Object.keys(SeatWord).length);
  }

  // Status words are independent of each other: a sequentially consistent store each, no order between them is relied on.
  #set(word: number, value: number): void {
    Atomics.store(this.#status, word, value);
  }

  #get(word: number): number {
    return Atomics.load(this.#status, word) >>> 0;
  }

  get state(): LoopState {
    return LOOP_STATES[this.#get(StatusWord.state)] ?? 'ended';
  }

  set state(state: LoopState) {
    this.#set(StatusWord.state, LOOP_STATES.indexOf(state));
    Atomics.notify(this.#status, StatusWord.state);
  }

  /**
   * Blocks the calling thread until the loop has no app open: it has ended, or, once released, never came to open one.
   * False when the time is over. Only for the end of the process.
   */
  waitForNoApp(timeoutMs: number): boolean {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const state = this.state;
      // A starting loop stores its next state and then loads `released`; the primary stores `released` and then loads the
      // state. Both are sequentially consistent, so one of the two sees the other.
      if (state === 'ended' || state === 'starting') return true;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      // Waits only while the state is still the one just read.
      Atomics.wait(this.#status, StatusWord.state, LOOP_STATES.indexOf(state), leftMs);
    }
  }

  /** Id of the loop whose seat this is or was last; -1 when it was nobody's. */
  get loopId(): number {
    return Atomics.load(this.#primarys, SeatWord.loop) - 1;
  }

  get generation(): number {
    return Atomics.load(this.#primarys, SeatWord.generation);
  }

  get incarnation(): number {
    return Atomics.load(this.#primarys, SeatWord.incarnation);
  }

  /** Prepares the slot for a new thread. Primary, while no thread has the seat. */
  take(loopId: number, generation: number, incarnation: number, nowMs: number): void {
    this.clear();
    this.#set(StatusWord.heartbeatMs, nowMs);
    Atomics.store(this.#primarys, SeatWord.generation, generation);
    Atomics.store(this.#primarys, SeatWord.incarnation, incarnation);
    this.state = 'starting';
    Atomics.store(this.#primarys, SeatWord.loop, loopId + 1);
  }

  /** No connection and nothing counted. Primary, while no thread has the seat. */
  clear(): void {
    for (const word of VITAL_WORDS) this.#set(word, 0);
    for (const index of this.#totals.keys()) Atomics.store(this.#totals, index, 0n);
  }

  beat(nowMs: number, lagMs: number): void {
    this.#set(StatusWord.heartbeatMs, nowMs);
    this.#set(StatusWord.lagMs, lagMs);
  }

  get connections(): number {
    return this.#get(StatusWord.connections);
  }

  set connections(count: number) {
    this.#set(StatusWord.connections, count);
  }

  get sockets(): number {
    return this.#get(StatusWord.sockets);
  }

  set sockets(count: number) {
    this.#set(StatusWord.sockets, count);
  }

  get accepted(): number {
    return this.#get(StatusWord.accepted);
  }

  set accepted(total: number) {
    this.#set(StatusWord.accepted, total);
  }

  /** The counters and distributions as they stand, in the layout's order. */
  readLongs(): number[] {
    return Array.from(this.#totals.keys(), (index) => Number(Atomics.load(this.#totals, index)));
  }

  /** The counters as they stand. */
  readTotals(): Record<CounterName, number> {
    return namedCounters(this.readLongs());
  }

  writeTotals(totals: Readonly<Record<CounterName, number>>): void {
    for (const [index, name] of COUNTERS.entries()) Atomics.store(this.#totals, index, BigInt(totals[name]));
  }

  writeDurations(durations: Readonly<Record<DurationName, Duration>>): void {
    let index = COUNTERS.length;
    for (const name of DURATION_NAMES)
      for (const long of durations[name].longs) Atomics.store(this.#totals, index++, BigInt(long));
  }

  /** How the thread has been doing since it said so before; `utilization` is the share of time that it did not sleep, 0 to 1. */
  tellVitals(heapUsedBytes: number, heapLimitBytes: number, utilization: number): void {
    this.#set(StatusWord.heapUsedKib, Math.ceil(heapUsedBytes / KIB));
    this.#set(StatusWord.heapLimitKib, Math.ceil(heapLimitBytes / KIB));
    this.#set(StatusWord.utilizationPpm, Math.round(utilization * PPM));
  }

  /** Connections for which something waits to be sent, and how much that is. */
  tellBacklogs(connections: number, bytes: number): void {
    this.#set(StatusWord.backlogs, connections);
    this.#set(StatusWord.bufferedKib, Math.ceil(bytes / KIB));
  }

  get backlogs(): number {
    return this.#get(StatusWord.backlogs);
  }

  get bufferedBytes(): number {
    return this.#get(StatusWord.bufferedKib) * KIB;
  }

  /** What user code the loop calls. A plain store: it costs next to nothing, and is read when the loop stands still. */
  set activity(activity: Activity) {
    this.#status[StatusWord.activity] = ACTIVITY_INDEX[activity];
  }

  /** Says that the acceptor will hand nothing more to this thread, and wakes the loop if it waits for that. */
  release(incarnation: number): void {
    Atomics.store(this.#primarys, SeatWord.released, incarnation);
    Atomics.notify(this.#primarys, SeatWord.released);
  }

  isReleased(incarnation: number): boolean {
    return Atomics.load(this.#primarys, SeatWord.released) >= incarnation;
  }

  /** Blocks the calling loop until `release(incarnation)`; false when the time is over. */
  waitForRelease(incarnation: number, timeoutMs: number): boolean {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const released = Atomics.load(this.#primarys, SeatWord.released);
      if (released >= incarnation) return true;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      // Atomics.wait compares again before it sleeps, so a release between the load and here is not missed.
      Atomics.wait(this.#primarys, SeatWord.released, released, leftMs);
    }
  }

  /** Milliseconds since the last heartbeat. */
  heartbeatAgeMs(nowMs: number): number {
    // Modulo 2^32; a beat after `nowMs` was read is no age below zero.
    return Math.max(0, (nowMs - this.#get(StatusWord.heartbeatMs)) | 0);
  }

  status(nowMs: number): SlotStatus {
    return {
      generation: this.generation,
      state: this.state,
      heartbeatAgeMs: this.heartbeatAgeMs(nowMs),
      lagMs: this.#get(StatusWord.lagMs),
      lastActivity: ACTIVITIES[this.#get(StatusWord.activity)] ?? 'nothing yet',
      utilization: this.#get(StatusWord.utilizationPpm) / PPM,
      heapUsedBytes: this.#get(StatusWord.heapUsedKib) * KIB,
      heapLimitBytes: this.#get(StatusWord.heapLimitKib) * KIB,
    };
  }
}

/** The counters among a slot's longs, by name. */
export function namedCounters(longs: readonly number[]): Record<CounterName, number> {
  return Object.fromEntries(COUNTERS.map((name, index) => [name, longs[index] ?? 0])) as Record<
    CounterName,
    number
  >;
}
