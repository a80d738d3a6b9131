/** Starts the loops, keeps each of them going, and ends them. */
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { LoopError } from '../errors.ts';
import { CloseCode } from '../websocket.ts';
import { within } from '../within.ts';
import type { PlainError } from '../workers/messages.ts';
import { LoopHandle } from './loop-handle.ts';
import type { OwnedMemory } from './owned-memory.ts';
import type { Placement } from './placement.ts';

/** Wait before a loop is started again: doubles from the first to the last value, and starts over after a calm minute. */
const RESTART_FIRST_MS = 100;
const RESTART_LAST_MS = 10_000;
const CALM_MS = 60_000;
/** A loop at fault must not serve on for long: its state cannot be trusted. */
const FAULT_DRAIN_MS = 2000;
/** Spread of closing per connection; a stop of few connections is over at once. */
const SPREAD_PER_CONNECTION_MS = 1;
const SPREAD_SHARE = 1 / 3;
/** After the drain time, threads get this long to end. */
const END_GRACE_MS = 1000;

/** Where a loop that accepts by itself listens. */
export interface SharedAddress {
  readonly host: string;
  readonly port: number;
}

export class Supervisor {
  readonly #config: Config;
  readonly #app: string;
  readonly #memory: OwnedMemory;
  readonly #placement: Placement;
  readonly #log: Logger;
  readonly #writeLine: (line: string) => void;
  readonly #loops: LoopHandle[] = [];
  readonly #restarts = new Map<number, { timer: NodeJS.Timeout | undefined; waitMs: number; atMs: number }>();
  #sharedAddress: SharedAddress | undefined;
  /** Every loop has been ready once; before that, a loop that ends is a failed start and is not replaced. */
  #hasStarted = false;
  #isStopping = false;

  constructor(
    config: Config,
    app: string,
    memory: OwnedMemory,
    placement: Placement,
    log: Logger,
    writeLine: (line: string) => void,
  ) {
    this.#config = config;
    this.#app = app;
    this.#memory = memory;
    this.#placement = placement;
    this.#log = log;
    this.#writeLine = writeLine;
  }

  /** Starts every loop; resolves when all have loaded the app. Throws the first error; `abandon` ends the others then. */
  async start(): Promise<void> {
    await Promise.all(this.#memory.block.slots.map((slot) => this.#startLoop(slot.id)));
    this.#hasStarted = true;
  }

  /** Lets every loop accept by itself, on one port that they share. Returns the port, or null when refused. */
  async listenOnLoops(address: SharedAddress): Promise<number | null> {
    this.#sharedAddress = address;
    for (const loop of this.#loops) {
      const port = await loop.listen(this.#sharedAddress.host, this.#sharedAddress.port);
      if (port === null) return null;
      this.#sharedAddress = { host: address.host, port };
    }
    return this.#sharedAddress.port;
  }

  /** Empties and ends every loop within the drain time. Throws `LoopError` when a thread does not end. */
  async stop(): Promise<void> {
    this.#stopRestarts();
    const { drainTimeoutMs: timeoutMs } = this.#config;
    const connections = this.#memory.block.slots.reduce((sum, slot) => sum + slot.connections, 0);
    const spreadMs = Math.min(timeoutMs * SPREAD_SHARE, connections * SPREAD_PER_CONNECTION_MS);
    for (const loop of this.#loops) {
      this.#release(loop);
      loop.send({
        type: 'drain',
        code: CloseCode.goingAway,
        reason: 'server is shutting down',
        timeoutMs,
        spreadMs,
      });
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
    for (const loop of this.#loops) {
      this.#release(loop);
      loop.send({ type: 'abandon' });
    }
  }

  #stopRestarts(): void {
    this.#isStopping = true;
    this.#placement.stop();
    for (const { timer } of this.#restarts.values()) clearTimeout(timer);
  }

  async #allEnded(timeoutMs: number): Promise<void> {
    await within(timeoutMs, Promise.all(this.#loops.map((loop) => loop.ended)));
    const stuck = this.#loops.filter((loop) => !loop.isEnded).map((loop) => loop.id);
    if (stuck.length > 0) throw new LoopError(`loop ${stuck.join(', ')} is stuck and does not end`);
  }

  async #startLoop(id: number): Promise<void> {
    const slot = this.#memory.block.slot(id);
    const generation = slot.generation + 1;
    slot.reset(generation);
    const loop = new LoopHandle(
      { loopId: id, generation, memory: this.#memory.pieces, config: this.#config, app: this.#app },
      {
        log: this.#writeLine,
        fault: (loop, error) => this.#drainFaulty(loop, error),
        exiting: (loop) => this.#release(loop),
      },
    );
    this.#loops[id] = loop;
    void loop.ended.then(() => this.#loopEnded(loop));
    const descriptor = await loop.ready;
    if (this.#isStopping) return;
    if (this.#config.accept === 'primary') this.#placement.add(id, descriptor);
    else if (this.#sharedAddress) await loop.listen(this.#sharedAddress.host, this.#sharedAddress.port);
  }

  /** The order matters: the acceptor lets go of the loop, then the loop may close its app. */
  #release(loop: LoopHandle): void {
    if (this.#loops[loop.id] === loop) this.#placement.remove(loop.id);
    this.#memory.block.slot(loop.id).release(loop.generation);
  }

  #drainFaulty(loop: LoopHandle, error: PlainError): void {
    if (this.#isStopping) return;
    this.#log.error(
      { loop: loop.id, generation: loop.generation, reason: error.message },
      'loop failed; it is replaced',
    );
    this.#release(loop);
    const { internalError: code } = CloseCode;
    loop.send({ type: 'drain', code, reason: 'internal error', timeoutMs: FAULT_DRAIN_MS, spreadMs: 0 });
  }

  #loopEnded(loop: LoopHandle): void {
    this.#release(loop);
    this.#memory.forgetLoop(loop.id);
    // A thread whose own code could not be loaded leaves its slot as it was.
    this.#memory.block.slot(loop.id).state = 'ended';
    if (this.#hasStarted && !this.#isStopping) this.#restart(loop.id);
  }

  #restart(id: number): void {
    const last = this.#restarts.get(id);
    const isCalm = last === undefined || performance.now() - last.atMs > CALM_MS;
    const waitMs = isCalm ? RESTART_FIRST_MS : Math.min(last.waitMs * 2, RESTART_LAST_MS);
    const timer = setTimeout(() => {
      this.#startLoop(id).then(
        () => this.#log.info({ loop: id }, 'loop replaced'),
        (error: unknown) => this.#log.error({ loop: id, err: error }, 'loop could not be replaced'),
      );
    }, waitMs);
    this.#restarts.set(id, { timer, waitMs, atMs: performance.now() });
    this.#log.warn({ loop: id, waitMs }, 'loop ended; starting it again');
  }
}
