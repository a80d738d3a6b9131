/** Which loop gets the next connection. The acceptor goes round what is registered; registering is all we decide. */
import type { ControlBlock } from '../shared/control-block.ts';
import type { LoopDescriptor } from '../uws.ts';
import type { Acceptor } from './acceptor.ts';

/** How often the counts are looked at. */
const INTERVAL_MS = 50;
/** Connections that arrived within this many looks make the counts uncertain. */
const RECENT_LOOKS = 5;
/** A round over all loops that is not finished leaves them one apart; that is even. */
const EVEN = 1;

export interface LoopLoad {
  /** TCP connections the loop holds. */
  readonly sockets: number;
  /** TCP connections it took over lately. */
  readonly recent: number;
}

/**
 * For each loop, whether it may take connections: those not ahead of the emptiest by more than what is still uncertain.
 * A connection counts only when its loop has turned, so during a rush the counts show who was scheduled first and not who
 * has more; the slack therefore grows with what arrived lately, and shrinks to one when it is calm.
 */
export function mayTake(loads: readonly LoopLoad[]): boolean[] {
  const emptiest = Math.min(...loads.map((load) => load.sockets));
  const slack = EVEN + loads.reduce((sum, load) => sum + load.recent, 0);
  return loads.map((load) => load.sockets <= emptiest + slack);
}

interface Placed {
  readonly descriptor: LoopDescriptor;
  /** Gets no connections, because it does not turn. */
  isPaused: boolean;
  /** The loop's running total of accepted connections at each of the last looks. */
  readonly accepted: number[];
}

/** Registers and removes loops at the acceptor so that connections spread by the rule. */
export class Placement {
  readonly #acceptor: Acceptor;
  readonly #block: ControlBlock;
  /** By seat. */
  readonly #loops = new Map<number, Placed>();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(acceptor: Acceptor, block: ControlBlock, rule: 'least-connections' | 'round-robin') {
    this.#acceptor = acceptor;
    this.#block = block;
    if (rule === 'least-connections') this.#timer = setInterval(() => this.balance(), INTERVAL_MS).unref();
  }

  add(seat: number, descriptor: LoopDescriptor): void {
    this.#loops.set(seat, { descriptor, isPaused: false, accepted: [] });
    this.#acceptor.register(descriptor);
  }

  remove(seat: number): void {
    const placed = this.#loops.get(seat);
    if (!placed) return;
    this.#loops.delete(seat);
    this.#acceptor.unregister(placed.descriptor);
  }

  /** Hands nothing to a loop until `resume`. When no other is left, new connections get 503. */
  pause(seat: number): void {
    const placed = this.#loops.get(seat);
    if (!placed) return;
    placed.isPaused = true;
    this.#acceptor.unregister(placed.descriptor);
  }

  resume(seat: number): void {
    const placed = this.#loops.get(seat);
    if (!placed) return;
    placed.isPaused = false;
    this.#acceptor.register(placed.descriptor);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const seat of [...this.#loops.keys()]) this.remove(seat);
  }

  balance(): void {
    const placed = [...this.#loops].filter(([, { isPaused }]) => !isPaused);
    const loads = placed.map(([seat, { accepted }]) => {
      const slot = this.#block.slot(seat);
      const total = slot.accepted;
      accepted.push(total);
      if (accepted.length > RECENT_LOOKS) accepted.shift();
      return { sockets: slot.sockets, recent: (total - (accepted[0] ?? total)) >>> 0 };
    });
    const allowed = mayTake(loads);
    // First add, then remove: the acceptor is never without a loop.
    for (const [index, [, { descriptor }]] of placed.entries())
      if (allowed[index]) this.#acceptor.register(descriptor);
    for (const [index, [, { descriptor }]] of placed.entries())
      if (!allowed[index]) this.#acceptor.unregister(descriptor);
  }
}
