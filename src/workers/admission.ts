/** What one connection holds of the limits, from its handshake to its end. */
import { MessagePace } from './message-pace.ts';

export class Admission {
  /** What it counts as, see `addressGroup`. */
  readonly address: string;
  readonly pace = new MessagePace();
  readonly #onEnd: ((address: string) => void) | undefined;
  #lifetime: NodeJS.Timeout | undefined;
  #isOver = false;

  /** `onEnd` gives back the place of the connection, where connections are counted. */
  constructor(address: string, onEnd: ((address: string) => void) | undefined) {
    this.address = address;
    this.#onEnd = onEnd;
  }

  startLifetime(ms: number, onOver: () => void): void {
    this.#lifetime = setTimeout(onOver, ms);
  }

  /** The handshake has come to nothing, or the connection is closed. Calling it again does nothing. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#lifetime);
    this.#onEnd?.(this.address);
  }
}
