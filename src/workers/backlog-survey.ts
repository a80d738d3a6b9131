/** How much waits for clients that read slowly. uWebSockets.js tells it of one connection at a time, so a few are asked on each heartbeat. */
import type { LoopSlot } from '../shared/loop-slot.ts';

const CONNECTIONS_PER_LOOK = 512;

/** Who is asked, round after round. */
interface Asked {
  beginRound(): void;
  nextInRound(): { readonly bufferedAmount: number } | undefined;
}

export class BacklogSurvey {
  readonly #connections: Asked;
  readonly #slot: LoopSlot;
  #isOver = true;
  #bytes = 0;
  #backlogs = 0;

  constructor(connections: Asked, slot: LoopSlot) {
    this.#connections = connections;
    this.#slot = slot;
  }

  /** Asks the next connections; when all have been asked, their sum is told, and the next look begins a new round. */
  look(): void {
    if (this.#isOver) this.#beginRound();
    for (let asked = 0; asked < CONNECTIONS_PER_LOOK; asked++) {
      const connection = this.#connections.nextInRound();
      if (connection === undefined) {
        this.#slot.tellBacklogs(this.#backlogs, this.#bytes);
        this.#isOver = true;
        return;
      }
      const { bufferedAmount } = connection;
      this.#bytes += bufferedAmount;
      if (bufferedAmount > 0) this.#backlogs++;
    }
  }

  #beginRound(): void {
    this.#connections.beginRound();
    this.#isOver = false;
    this.#bytes = 0;
    this.#backlogs = 0;
  }
}
