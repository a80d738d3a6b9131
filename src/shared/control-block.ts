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
 * | counters | the loop | all | 0 | totals of this thread; written on each heartbeat, so they err low |
 * | loop, generation, incarnation | primary, before the thread starts | all | 0 | whose seat it is: loop id + 1, or 0 when it is free; threads that loop has had; threads there have been |
 * | released | primary | the loop | 0 | incarnation whose descriptor the acceptor has let go |
 * | retired counters | primary | all | 0 | totals of a loop's threads that are no more |
 * | retirement | primary | all | 0 | odd while counters move from a slot to the retired ones |
 */
import { randomFillSync } from 'node:crypto';
import {
  COUNTERS,
  COUNTERS_OFFSET,
  type CounterName,
  controlBlockBytes,
  HeaderLong,
  HeaderWord,
  LAYOUT_VERSION,
  MAGIC,
  RETIRED_LONGS,
  RETIREMENT_OFFSET,
  retiredOffset,
  SEAT_OFFSET,
  SeatWord,
  StatusWord,
  seatsFor,
  slotOffset,
} from './layout.ts';

/** `starting`: loads the app module. `ready`: takes connections. `draining`: is being emptied. `ended`: its app is closed. */
export const LOOP_STATES = ['starting', 'ready', 'draining', 'ended'] as const;
export type LoopState = (typeof LOOP_STATES)[number];

/** User code that a loop calls; what it called last says what may keep it from turning. */
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
  'fetch',
  'onShutdown',
] as const;
export type Activity = (typeof ACTIVITIES)[number];
const ACTIVITY_INDEX = Object.fromEntries(ACTIVITIES.map((name, index) => [name, index])) as Record<
  Activity,
  number
>;

/** What is known of a loop without asking it. While it is replaced, counts are those of both its threads, and the rest is the newer's. */
export interface LoopSnapshot {
  readonly id: number;
  readonly generation: number;
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
  /** Totals over all generations of this loop; at most one heartbeat old. */
  readonly counters: Readonly<Record<CounterName, number>>;
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
    const totals = slot.readTotals();
    // Sequentially consistent adds: whoever sees one of the stores between them sees the first, and reads again.
    Atomics.add(this.#retirement, 0, 1);
    for (const [index, name] of COUNTERS.entries()) Atomics.add(retired, index, BigInt(totals[name]));
    Atomics.add(retired, COUNTERS.length, BigInt(slot.accepted));
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
    const totals = slots.map((slot) => slot.readTotals());
    const counters = COUNTERS.map((name, index) => {
      const own = totals.reduce((total, one) => total + one[name], 0);
      return [name, own + Number(Atomics.load(retired, index))] as const;
    });
    return {
      id,
      ...statusOf(slots, nowMs),
      connections: sum((slot) => slot.connections),
      sockets: sum((slot) => slot.sockets),
      accepted: (sum((slot) => slot.accepted) + Number(Atomics.load(retired, COUNTERS.length))) >>> 0,
      counters: Object.fromEntries(counters) as Record<CounterName, number>,
    };
  }
}

type Status = Pick<LoopSnapshot, 'generation' | 'state' | 'heartbeatAgeMs' | 'lagMs' | 'lastActivity'>;

/** Of the newest thread that serves; of the newest one when none does. */
function statusOf(slots: readonly LoopSlot[], nowMs: number): Status {
  const newestFirst = slots.toSorted((a, b) => b.incarnation - a.incarnation);
  const slot = newestFirst.find(({ state }) => state !== 'starting') ?? newestFirst[0];
  return slot?.status(nowMs) ?? NO_THREAD;
}

/** Before the first thread of the loop. */
const NO_THREAD: Status = {
  generation: 0,
  state: 'ended',
  heartbeatAgeMs: 0,
  lagMs: 0,
  lastActivity: 'nothing yet',
};

/** One seat's slot. Which thread may call a setter is in the table above. */
export class LoopSlot {
  readonly seat: number;
  readonly #status: Int32Array<SharedArrayBuffer>;
  readonly #counters: BigUint64Array<SharedArrayBuffer>;
  readonly #primarys: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer, seat: number) {
    const offset = slotOffset(seat);
    this.seat = seat;
    this.#status = new Int32Array(memory, offset, Object.keys(StatusWord).length);
    this.#counters = new BigUint64Array(memory, offset + COUNTERS_OFFSET, COUNTERS.length);
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
    const { connections, sockets, accepted, lagMs, activity } = StatusWord;
    for (const word of [connections, sockets, accepted, lagMs, activity]) this.#set(word, 0);
    for (const index of COUNTERS.keys()) Atomics.store(this.#counters, index, 0n);
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

  /** The totals as they stand. */
  readTotals(): Record<CounterName, number> {
    const read = (name: CounterName, index: number) =>
      [name, Number(Atomics.load(this.#counters, index))] as const;
    return Object.fromEntries(COUNTERS.map(read)) as Record<CounterName, number>;
  }

  writeTotals(totals: Readonly<Record<CounterName, number>>): void {
    for (const [index, name] of COUNTERS.entries())
      Atomics.store(this.#counters, index, BigInt(totals[name]));
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

  status(nowMs: number): Status {
    return {
      generation: this.generation,
      state: this.state,
      heartbeatAgeMs: this.heartbeatAgeMs(nowMs),
      lagMs: this.#get(StatusWord.lagMs),
      lastActivity: ACTIVITIES[this.#get(StatusWord.activity)] ?? 'nothing yet',
    };
  }
}
