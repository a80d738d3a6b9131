/** Many connections that echo at a steady pace, whether the answers come or not, and how long the answers took. */
import { setTimeout as delay } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { openInTurn } from './crowd.ts';

const TICK_MS = 5;

export class EchoPace {
  readonly #sockets: readonly WebSocket[];
  readonly #perTick: number;
  #times: number[] = [];
  #missing = 0;
  #next = 0;

  private constructor(sockets: readonly WebSocket[], perSecond: number) {
    this.#sockets = sockets;
    this.#perTick = Math.ceil((perSecond * TICK_MS) / 1000);
    for (const socket of sockets)
      socket.on('message', (data) => {
        this.#times.push(performance.now() - Number(data));
        this.#missing--;
      });
  }

  static async open(url: string, connections: number, perSecond: number): Promise<EchoPace> {
    const clients = await openInTurn(url, connections);
    return new EchoPace(
      clients.map(({ socket }) => socket),
      perSecond,
    );
  }

  /** Milliseconds that each answer took, in ascending order, when the last one has come. */
  async run(forMs: number): Promise<Float64Array> {
    this.#times = [];
    const endMs = performance.now() + forMs;
    for (let tickMs = performance.now(); tickMs < endMs; tickMs += TICK_MS) {
      for (let n = 0; n < this.#perTick; n++) this.#send();
      await delay(Math.max(0, tickMs + TICK_MS - performance.now()));
    }
    while (this.#missing > 0) await delay(TICK_MS);
    return Float64Array.from(this.#times).sort();
  }

  close(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  #send(): void {
    this.#missing++;
    this.#sockets[this.#next++ % this.#sockets.length]?.send(String(performance.now()));
  }
}

/** Of values in ascending order. */
export const percentile = (sorted: Float64Array, percent: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
