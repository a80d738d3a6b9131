/**
 * The control block: what the primary and the loops know of each other without asking. One writer per word; readers take
 * no lock and see each word whole, but not several words at one instant.
 *
 * | word | writer | readers | initial | meaning |
 * |---|---|---|---|---|
 * | header | primary, once, before any thread starts | all | – | identity of this memory |
 * | state | the loop; the primary while no thread of that loop lives | all | starting | see `LOOP_STATES` |
 * | generation | primary, before the thread starts | all | 0 | threads this loop has had |
 * | heartbeatMs | the loop | all | 0 | last turn of its timer, ms since the start, modulo 2^32 |
 * | lagMs | the loop | all | 0 | how late that turn was |
 * | connections, sockets | the loop | all | 0 | open now: WebSockets; TCP connections of any kind |
 * | accepted | the loop | all | 0 | TCP connections ever taken over, modulo 2^32 |
 * | counters | the loop | all | 0 | totals over all generations; written on each heartbeat, so they err low |
 * | released | primary | the loop | 0 | generation whose descriptor the acceptor has let go |
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
  RELEASE_OFFSET,
  StatusWord,
  slotOffset,
} from './layout.ts';

/** `starting`: loads the app module. `ready`: takes connections. `draining`: is being emptied. `ended`: its app is closed. */
export const LOOP_STATES = ['starting', 'ready', 'draining', 'ended'] as const;
export type LoopState = (typeof LOOP_STATES)[number];

/** What is known of a loop without asking it. */
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
  /** Totals over all generations of this loop; at most one heartbeat old. */
  readonly counters: Readonly<Record<CounterName, number>>;
}

const NS_PER_MS = 1_000_000n;

export class ControlBlock {
  readonly memory: SharedArrayBuffer;
  readonly loops: number;
  /** Random: identifies this life of the shared memory. */
  readonly epoch: bigint;
  readonly slots: readonly LoopSlot[];
  readonly #startNs: bigint;

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
    this.slots = Array.from({ length: loops }, (_, id) => new LoopSlot(memory, id));
  }

  /** Milliseconds since `create`, on a clock that all threads share. */
  nowMs(): number {
    return Number((process.hrtime.bigint() - this.#startNs) / NS_PER_MS);
  }

  slot(loopId: number): LoopSlot {
    const slot = this.slots[loopId];
    if (slot === undefined) throw new RangeError(`there is no loop ${loopId}`);
    return slot;
  }

  snapshot(): LoopSnapshot[] {
    const nowMs = this.nowMs();
    return this.slots.map((slot) => slot.snapshot(nowMs));
  }
}

/** One loop's slot. Which thread may call a setter is in the table above. */
export class LoopSlot {
  readonly id: number;
  readonly #status: Int32Array<SharedArrayBuffer>;
  readonly #counters: BigUint64Array<SharedArrayBuffer>;
  readonly #released: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer, id: number) {
    const offset = slotOffset(id);
    this.id = id;
    this.#status = new Int32Array(memory, offset, Object.keys(StatusWord).length);
    this.#counters = new BigUint64Array(memory, offset + COUNTERS_OFFSET, COUNTERS.length);
    this.#released = new Int32Array(memory, offset + RELEASE_OFFSET, 1);
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

  get generation(): number {
    return this.#get(StatusWord.generation);
  }

  /** Prepares the slot for a new thread of this loop. Primary, while no thread of the loop lives. */
  reset(generation: number): void {
    for (const word of [StatusWord.connections, StatusWord.sockets, StatusWord.lagMs]) this.#set(word, 0);
    this.#set(StatusWord.generation, generation);
    this.state = 'starting';
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

  /** The totals as they stand; a new generation counts on from them. */
  readTotals(): Record<CounterName, number> {
    const read = (name: CounterName, index: number) =>
      [name, Number(Atomics.load(this.#counters, index))] as const;
    return Object.fromEntries(COUNTERS.map(read)) as Record<CounterName, number>;
  }

  writeTotals(totals: Readonly<Record<CounterName, number>>): void {
    for (const [index, name] of COUNTERS.entries())
      Atomics.store(this.#counters, index, BigInt(totals[name]));
  }

  /** Says that the acceptor will hand nothing more to this generation, and wakes the loop if it waits for that. */
  release(generation: number): void {
    Atomics.store(this.#released, 0, generation);
    Atomics.notify(this.#released, 0);
  }

  isReleased(generation: number): boolean {
    return Atomics.load(this.#released, 0) >= generation;
  }

  /** Blocks the calling loop until `release(generation)`; false when the time is over. */
  waitForRelease(generation: number, timeoutMs: number): boolean {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const released = Atomics.load(this.#released, 0);
      if (released >= generation) return true;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      // Atomics.wait compares again before it sleeps, so a release between the load and here is not missed.
      Atomics.wait(this.#released, 0, released, leftMs);
    }
  }

  snapshot(nowMs: number): LoopSnapshot {
    return {
      id: this.id,
      generation: this.generation,
      state: this.state,
      connections: this.connections,
      sockets: this.sockets,
      accepted: this.accepted,
      // Modulo 2^32; a beat after `nowMs` was read is no age below zero.
      heartbeatAgeMs: Math.max(0, (nowMs - this.#get(StatusWord.heartbeatMs)) | 0),
      lagMs: this.#get(StatusWord.lagMs),
      counters: this.readTotals(),
    };
  }
}
