/** How much waits for clients that read slowly. uWebSockets.js tells it of one connection at a time, so a few are asked on each heartbeat. */
import type { LoopSlot } from '../shared/loop-slot.ts';

const CONNECTIONS_PER_LOOK = 512;

/** What is asked of a connection. */
interface Buffering {
  readonly bufferedAmount: number;
}

export class BacklogSurvey {
  readonly #connections: ReadonlySet<Buffering>;
  readonly #slot: LoopSlot;
  #round: Iterator<Buffering>;
  #bytes = 0;
  #backlogs = 0;

  constructor(connections: ReadonlySet<Buffering>, slot: LoopSlot) {
    this.#connections = connections;
    this.#slot = slot;
    this.#round = connections.values();
  }

  /** Asks the next connections; when all have been asked, their sum is told and a new round begins. */
  look(): void {
    for (let asked = 0; asked < CONNECTIONS_PER_LOOK; asked++) {
      // An iterator of a set goes on with what was added, and leaves out what was deleted.
      const { done, value } = this.#round.next();
      if (done) {
        this.#slot.tellBacklogs(this.#backlogs, this.#bytes);
        this.#round = this.#connections.values();
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
