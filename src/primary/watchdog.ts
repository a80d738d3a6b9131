/**
 * Watches the loops' heartbeats. A loop that does not turn gets no new connections; one that holds up the log is taken out of its
 * gate; and one that never turns again ends the process, because a thread cannot be killed safely. A loop that is busy but still
 * turns has heartbeats, if late ones, and is left alone.
 */
import type { Journal } from './journal.ts';
import type { LoopHandle } from './loop-handle.ts';
import type { OwnedMemory } from './owned-memory.ts';
import type { Placement } from './placement.ts';

const INTERVAL_MS = 250;
/** Age of a heartbeat from which a loop gets no new connections. */
export const STALE_MS = 2000;
/** Age of a heartbeat from which a loop no longer holds up publishers when the log is full. */
const GATE_MS = 10_000;
/** When the primary itself was this late, heartbeats say nothing until the loops have had time for the next. */
const LATE_MS = 1000;

export interface Watched {
  /** The threads that should turn. */
  readonly threads: Iterable<LoopHandle>;
  readonly memory: OwnedMemory;
  readonly placement: Placement;
  readonly journal: Journal;
  /** Age of a heartbeat at which the process gives up; 0: never. */
  readonly hangTimeoutMs: number;
  /** Ends the process; `reason` is for the log. */
  onHang(reason: string): void;
}

export class Watchdog {
  readonly #watched: Watched;
  readonly #stale = new Set<LoopHandle>();
  readonly #timer: NodeJS.Timeout;
  #lookedMs = performance.now();
  #trustFromMs = 0;

  constructor(watched: Watched) {
    this.#watched = watched;
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    // The whole process may have stood still: stopped by a signal, or the machine asleep.
    if (nowMs - this.#lookedMs > INTERVAL_MS + LATE_MS) this.#trustFromMs = nowMs + LATE_MS;
    this.#lookedMs = nowMs;
    if (nowMs < this.#trustFromMs) return;
    for (const loop of this.#watched.threads) this.#lookAt(loop);
  }

  #lookAt(loop: LoopHandle): void {
    const { memory, placement, journal, hangTimeoutMs, onHang } = this.#watched;
    const slot = memory.block.slot(loop.seat);
    // A loop that loads the app module serves nobody yet, and one that is over has nothing to do.
    if (slot.state !== 'ready' && slot.state !== 'draining') return;
    const { heartbeatAgeMs: silentMs, lastActivity } = slot.status(memory.block.nowMs());
    const { id, generation } = loop;
    if (silentMs < STALE_MS) {
      if (!this.#stale.delete(loop)) return;
      placement.resume(loop.seat);
      journal.info({ loop: id, generation }, 'loop turns again');
      return;
    }
    if (!this.#stale.has(loop)) {
      this.#stale.add(loop);
      placement.pause(loop.seat);
      const { connections } = slot;
      journal.warn(
        { loop: id, generation, silentMs, lastActivity, connections },
        'loop does not turn; it gets no new connections',
      );
    }
    if (silentMs >= GATE_MS && memory.ungate(loop.seat)) {
      journal.warn(
        { loop: id, generation, silentMs },
        'loop holds up the log no longer; it will have missed messages',
      );
    }
    if (hangTimeoutMs > 0 && silentMs >= hangTimeoutMs) {
      onHang(`loop ${id} has not turned for ${silentMs} ms; last activity: ${lastActivity}`);
    }
  }
}
