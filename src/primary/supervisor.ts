/** Starts the loops, keeps each of them going, replaces them, and ends them. */
import type { Config } from '../config.ts';
import { LoopError } from '../errors.ts';
import type { RestartCause } from '../server-state.ts';
import { CloseCode } from '../websocket.ts';
import { within } from '../within.ts';
import type { DrainMessage, LoopFault } from '../workers/messages.ts';
import type { Journal } from './journal.ts';
import { LoopHandle } from './loop-handle.ts';
import type { OffloadPool } from './offload-pool.ts';
import type { OwnedMemory } from './owned-memory.ts';
import type { Placement } from './placement.ts';
import { RestartBudget } from './restart-budget.ts';

/** A loop at fault must not serve on for long: its state cannot be trusted. */
const FAULT_DRAIN_MS = 2000;
/** Spread of closing per connection; a stop of few connections is over at once. */
const STOP_SPREAD_PER_CONNECTION_MS = 1;
const STOP_SPREAD_SHARE = 1 / 3;
/** Nobody waits for a reload, so clients get more time. */
const RELOAD_SPREAD_PER_CONNECTION_MS = 10;
const RELOAD_SPREAD_SHARE = 2 / 3;
/** After the drain time, threads get this long to end. */
const END_GRACE_MS = 1000;

/** Where a loop that accepts by itself listens. */
export interface SharedAddress {
  readonly host: string;
  readonly port: number;
}

export interface Supervised {
  readonly config: Config;
  /** `file:` URL of the app module. */
  readonly app: string;
  readonly memory: OwnedMemory;
  readonly placement: Placement;
  readonly offload: OffloadPool;
  readonly journal: Journal;
  /** Writes a line that a loop's logger has finished. */
  writeLine(line: string): void;
  /** A loop fails again and again: the server must stop. */
  onGivingUp(error: LoopError): void;
}

export class Supervisor {
  readonly #of: Supervised;
  /** Every thread that lives. */
  readonly #threads = new Set<LoopHandle>();
  readonly #freeSeats: number[];
  readonly #generations: number[];
  readonly #budgets: RestartBudget[];
  /** Threads that another one has followed, or will. */
  readonly restarts: Record<RestartCause, number> = { error: 0, exit: 0, heap: 0, ended: 0, reload: 0 };
  /** Loops that will be started again, by id. */
  readonly #restarts = new Map<number, NodeJS.Timeout>();
  #incarnations = 0;
  #reloads = 0;
  #sharedAddress: SharedAddress | undefined;
  #reloading: Promise<void> | undefined;
  /** Every loop has been ready once; before that, a loop that ends is a failed start and is not replaced. */
  #hasStarted = false;
  #isStopping = false;

  constructor(of: Supervised) {
    this.#of = of;
    const { memory, config } = of;
    this.#freeSeats = memory.block.slots.map(({ seat }) => seat).reverse();
    this.#generations = Array.from({ length: config.workers }, () => 0);
    this.#budgets = this.#generations.map(() => new RestartBudget(config.maxRestarts));
  }

  get threads(): Iterable<LoopHandle> {
    return this.#threads;
  }

  /** Starts every loop; resolves when all have loaded the app. Throws the first error; `abandon` ends the others then. */
  async start(): Promise<void> {
    await Promise.all(this.#generations.map((_, id) => this.#bringUp(id)));
    this.#hasStarted = true;
  }

  /** Lets every loop accept by itself, on one port that they share. Returns the port, or null when refused. */
  async listenOnLoops(address: SharedAddress): Promise<number | null> {
    this.#sharedAddress = address;
    for (const loop of this.#threads) {
      const port = await loop.listen(this.#sharedAddress.host, this.#sharedAddress.port);
      if (port === null) return null;
      this.#sharedAddress = { host: address.host, port };
    }
    return this.#sharedAddress.port;
  }

  /**
   * Replaces every loop, one after the other: the new thread is ready before the old one is drained. Throws `AppLoadError` when the
   * new code does not load; that loop and those after it stay as they are. A call during a reload waits for it and reloads again.
   */
  reload(): Promise<void> {
    const before = this.#reloading?.catch(() => {});
    const reloading = (async () => {
      await before;
      const reloads = ++this.#reloads;
      for (const id of this.#generations.keys()) await this.#replace(id);
      this.#of.offload.retireBefore(reloads);
    })();
    this.#reloading = reloading;
    return reloading;
  }

  /** Closes that part of every loop's connections with 1012, spread over the drain time. Returns how many. */
  async shed(fraction: number): Promise<number> {
    const { drainTimeoutMs } = this.#of.config;
    const closed = await Promise.all(
      [...this.#threads].map((loop) => loop.shed(fraction, drainTimeoutMs * RELOAD_SPREAD_SHARE)),
    );
    return closed.reduce((sum, count) => sum + count, 0);
  }

  /** Empties and ends every loop within the drain time. Throws `LoopError` when a thread does not end. */
  async stop(): Promise<void> {
    this.#stopRestarts();
    const { slots } = this.#of.memory.block;
    const { drainTimeoutMs: timeoutMs } = this.#of.config;
    const connections = slots.reduce((sum, slot) => sum + slot.connections, 0);
    const spreadMs = Math.min(timeoutMs * STOP_SPREAD_SHARE, connections * STOP_SPREAD_PER_CONNECTION_MS);
    const { goingAway: code } = CloseCode;
    for (const loop of this.#threads) {
      this.#drain(loop, { code, reason: 'server is shutting down', timeoutMs, spreadMs, isReload: false });
    }
    await this.#allEnded(timeoutMs + END_GRACE_MS);
  }

  /** Ends every loop at once, without a word to its connections. */
  async abandon(): Promise<void> {
    this.abandonNow();
    await this.#allEnded(END_GRACE_MS);
  }

  /** The part of `abandon` that needs no turn of the primary's loop. */
  abandonNow(): void {
    this.#stopRestarts();
    for (const loop of this.#threads) {
      this.#release(loop);
      loop.send({ type: 'abandon' });
    }
  }

  #stopRestarts(): void {
    this.#isStopping = true;
    this.#of.placement.stop();
    for (const timer of this.#restarts.values()) clearTimeout(timer);
  }

  async #allEnded(timeoutMs: number): Promise<void> {
    await within(timeoutMs, Promise.all([...this.#threads].map((loop) => loop.ended)));
    const stuck = [...this.#threads].map((loop) => loop.id);
    if (stuck.length > 0) throw new LoopError(`loop ${stuck.join(', ')} is stuck and does not end`);
  }

  // ── one thread's life ──

  /** Starts a thread for a loop; resolves when it serves. Throws what kept it from that. */
  async #bringUp(id: number): Promise<LoopHandle> {
    const loop = this.#launch(id);
    const descriptor = await loop.ready;
    if (this.#isStopping || loop.isLeaving) return loop;
    if (this.#of.config.accept === 'primary') this.#of.placement.add(loop.seat, descriptor);
    else if (this.#sharedAddress) await loop.listen(this.#sharedAddress.host, this.#sharedAddress.port);
    return loop;
  }

  #launch(id: number): LoopHandle {
    const { memory, config, app, offload, writeLine } = this.#of;
    const seat = this.#freeSeats.pop();
    if (seat === undefined)
      throw new LoopError(`loop ${id} cannot be started: another one is being replaced`);
    const generation = (this.#generations[id] ?? 0) + 1;
    const incarnation = ++this.#incarnations;
    this.#generations[id] = generation;
    memory.block.slot(seat).take(id, generation, incarnation, memory.block.nowMs());
    const loop = new LoopHandle(
      {
        loopId: id,
        generation,
        seat,
        incarnation,
        memory: memory.pieces,
        config,
        app,
        offloadCapacity: offload.capacity,
      },
      this.#reloads,
      {
        log: writeLine,
        fault: (loop, fault) => this.#drainFaulty(loop, fault),
        offload: (loop, request) => offload.submit(loop, request),
        offloadAbort: (loop, task) => offload.abort(loop, task),
        offloadRefused: (calls) => offload.refused(calls),
        exiting: (loop) => this.#release(loop),
      },
    );
    this.#threads.add(loop);
    void loop.ended.then(() => this.#ended(loop));
    return loop;
  }

  async #replace(id: number): Promise<void> {
    if (this.#isStopping) return;
    const old = this.#serving(id);
    const { journal, config, memory } = this.#of;
    const leaving = [...this.#threads].filter(({ isLeaving }) => isLeaving);
    if (this.#freeSeats.length === 0) await Promise.race(leaving.map(({ ended }) => ended));
    const loop = await this.#bringUp(id);
    this.restarts.reload++;
    journal.info({ loop: id, generation: loop.generation }, 'loop reloaded');
    if (old === undefined || this.#isStopping) return;
    const spreadMs = Math.min(
      config.drainTimeoutMs * RELOAD_SPREAD_SHARE,
      memory.block.slot(old.seat).connections * RELOAD_SPREAD_PER_CONNECTION_MS,
    );
    const { drainTimeoutMs: timeoutMs } = config;
    const { serviceRestart: code } = CloseCode;
    this.#drain(old, { code, reason: 'server is restarting', timeoutMs, spreadMs, isReload: true });
    await old.ended;
  }

  #drain(loop: LoopHandle, how: Omit<DrainMessage, 'type'>): void {
    loop.isLeaving = true;
    this.#release(loop);
    loop.send({ type: 'drain', ...how });
  }

  /** The order matters: the acceptor lets go of the loop, then the loop may close its app. */
  #release(loop: LoopHandle): void {
    this.#of.placement.remove(loop.seat);
    this.#of.memory.block.slot(loop.seat).release(loop.incarnation);
  }

  #drainFaulty(loop: LoopHandle, { cause, error }: LoopFault): void {
    if (this.#isStopping) return;
    this.restarts[cause]++;
    this.#of.journal.error(
      { loop: loop.id, generation: loop.generation, reason: error.message },
      'loop failed; it is replaced',
    );
    const how = { timeoutMs: FAULT_DRAIN_MS, spreadMs: 0, isReload: false };
    if (cause !== 'error')
      this.#drain(loop, { code: CloseCode.serviceRestart, reason: 'loop is restarting', ...how });
    else this.#drain(loop, { code: CloseCode.internalError, reason: 'internal error', ...how });
    this.#restartIfNeeded(loop.id);
  }

  #ended(loop: LoopHandle): void {
    const { memory } = this.#of;
    if (!loop.isLeaving && this.#hasStarted && !this.#isStopping) this.restarts.ended++;
    this.#release(loop);
    this.#threads.delete(loop);
    this.#of.offload.forget(loop);
    memory.forgetSeat(loop.seat);
    const slot = memory.block.slot(loop.seat);
    // A thread whose own code could not be loaded leaves its slot as it was.
    slot.state = 'ended';
    memory.block.retire(slot);
    this.#freeSeats.push(loop.seat);
    this.#restartIfNeeded(loop.id);
  }

  // ── keeping loops going ──

  /** The thread that serves as that loop, or will. */
  #serving(id: number): LoopHandle | undefined {
    return [...this.#threads].find((loop) => loop.id === id && !loop.isLeaving);
  }

  #restartIfNeeded(id: number): void {
    const isNeeded = this.#hasStarted && !this.#isStopping && !this.#serving(id) && !this.#restarts.has(id);
    // Without a seat the loop has to wait until a thread has ended, and is thought of again then.
    if (!isNeeded || this.#freeSeats.length === 0) return;
    const { journal, config, onGivingUp } = this.#of;
    const waitMs = this.#budgets[id]?.take(performance.now()) ?? null;
    if (waitMs === null) {
      onGivingUp(new LoopError(`loop ${id} failed more than ${config.maxRestarts} times within a minute`));
      return;
    }
    journal.warn({ loop: id, waitMs }, 'loop ended; starting it again');
    this.#restarts.set(
      id,
      setTimeout(() => this.#restart(id), waitMs),
    );
  }

  #restart(id: number): void {
    this.#restarts.delete(id);
    // A reload has been quicker, or has taken the seat.
    if (this.#serving(id) || this.#freeSeats.length === 0) return;
    const { journal } = this.#of;
    this.#bringUp(id).then(
      () => journal.info({ loop: id }, 'loop replaced'),
      (error: Error) =>
        journal.error({ loop: id, reason: error.message, err: error }, 'loop could not be replaced'),
    );
  }
}
