/** How much waits for clients that read slowly. uWebSockets.js tells it of one connection at a time, so a few are asked on each heartbeat. */
import type { LoopSlot } from '../shared/loop-slot.ts';

const CONNECTIONS_PER_LOOK = 512;

/** What is asked of a connection. */
interface Buffering {
  readonly bufferedAmount: number;
}

export class BacklogSurvey {
  readonly #connections: Iterable<Buffering>;
  readonly #slot: LoopSlot;
  #round: Iterator<Buffering>;
  #bytes = 0;
  #backlogs = 0;

  constructor(connections: Iterable<Buffering>, slot: LoopSlot) {
    this.#connections = connections;
    this.#slot = slot;
    this.#round = connections[Symbol.iterator]();
  }

  /** Asks the next connections; when all have been asked, their sum is told and a new round begins. */
  look(): void {
    for (let asked = 0; asked < CONNECTIONS_PER_LOOK; asked++) {
      const { done, value } = this.#round.next();
      if (done) {
        this.#slot.tellBacklogs(this.#backlogs, this.#bytes);
        this.#round = this.#connections[Symbol.iterator]();
        this.#bytes = 0;
        this.#backlogs = 0;
        return;
      }
      const { bufferedAmount } = value;
      this.#bytes += bufferedAmount;
      if (bufferedAmount > 0) this.#backlogs++;
    }
  }
}
