/** A client of test/fixtures/faults-app.js: it checks the numbered messages it gets, and connects again at once when it is closed. */
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Greeting } from './greeting.ts';

/** Pause after an attempt that was refused, as by a loop that ends. */
const RETRY_MS = 50;

/** A connection that was closed. */
export interface Loss extends Greeting {
  readonly code: number;
  readonly atMs: number;
  /** Time until it got the next message over another connection; undefined until then. */
  servedAfterMs?: number;
}

export class Listener {
  readonly losses: Loss[] = [];
  /** Messages that came out of order, twice or not at all while it was connected. */
  readonly wrong: string[] = [];
  /** Attempts that were refused. */
  refusals = 0;
  /** The newest number. */
  last = 0;
  /** The longest time between two messages of one connection. */
  silenceMs = 0;
  greeting: Greeting | undefined;
  readonly #url: string;
  #socket: WebSocket;
  #servedMs: number | undefined;
  #isLeaving = false;

  /** `path` is for the first connection; those after it are to `/`. */
  constructor(url: string, path = '/') {
    this.#url = url;
    this.#socket = this.#connect(path);
  }

  /** It has got a message over the connection that it has now. */
  get isServed(): boolean {
    return this.#servedMs !== undefined;
  }

  get socket(): WebSocket {
    return this.#socket;
  }

  /** Forgets what happened before. */
  reset(): void {
    this.losses.length = 0;
    this.refusals = 0;
    this.silenceMs = 0;
  }

  /** Does not connect again. */
  stay(): void {
    this.#isLeaving = true;
  }

  leave(): void {
    this.stay();
    this.#socket.terminate();
  }

  #connect(path: string): WebSocket {
    const socket = new WebSocket(this.#url + path, { perMessageDeflate: false });
    // `close` follows.
    socket.on('error', () => {});
    socket.on('message', (data, isBinary) => {
      if (isBinary) return;
      if (this.greeting === undefined) this.greeting = JSON.parse(String(data)) as Greeting;
      else this.#receive(Number(String(data)));
    });
    socket.on('close', (code) => void this.#closed(code));
    return socket;
  }

  #receive(number: number): void {
    const nowMs = performance.now();
    if (this.#servedMs === undefined) {
      const loss = this.losses.at(-1);
      if (loss) loss.servedAfterMs ??= nowMs - loss.atMs;
    } else {
      if (number !== this.last + 1) this.wrong.push(`${number} after ${this.last}`);
      this.silenceMs = Math.max(this.silenceMs, nowMs - this.#servedMs);
    }
    this.#servedMs = nowMs;
    this.last = number;
  }

  async #closed(code: number): Promise<void> {
    const { greeting } = this;
    this.greeting = undefined;
    this.#servedMs = undefined;
    if (greeting) this.losses.push({ ...greeting, code, atMs: performance.now() });
    else {
      this.refusals++;
      await delay(RETRY_MS);
    }
    if (!this.#isLeaving) this.#socket = this.#connect('/');
  }
}
