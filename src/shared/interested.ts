/** The loops that records concern: noted under the lock, woken after it. Belongs to one thread. */
import type { ChannelLog } from './channel-log.ts';
import { threadOf } from './channel-log.ts';
import { ring } from './doorbell.ts';
import { bellIndex } from './layout.ts';

const LOOPS_PER_WORD = 32;

export class Interested {
  readonly #shared: ChannelLog;
  /** As bits. */
  readonly #loops: Uint32Array;

  constructor(shared: ChannelLog) {
    this.#shared = shared;
    this.#loops = new Uint32Array(Math.ceil(shared.table.loops / LOOPS_PER_WORD));
  }

  /** Under the lock. */
  note(entry: number): void {
    const { table } = this.#shared;
    for (let i = 0; i < this.#loops.length; i++) {
      this.#loops[i] = (this.#loops[i] as number) | table.interest(entry, i);
    }
  }

  /** Only loops with subscribers are woken; others catch up when they wake for another reason, or fall behind. */
  wake(): void {
    const { log, thread } = this.#shared;
    for (let i = 0; i < this.#loops.length; i++) {
      for (let bits = this.#loops[i] as number; bits !== 0; bits &= bits - 1) {
        const loop = i * LOOPS_PER_WORD + 31 - Math.clz32(bits & -bits);
        if (threadOf(loop) !== thread) ring(log.words, bellIndex(loop));
      }
      this.#loops[i] = 0;
    }
  }
}
