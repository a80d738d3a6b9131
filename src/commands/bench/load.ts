/** The load: connections that send for a while, and what becomes of their messages. */
import { createHistogram, performance, type RecordableHistogram } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { LoadConnection, probe } from './load-connection.ts';
import type { LoadResult } from './result.ts';

export interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  readonly durationMs: number;
  /** Bytes of a message. */
  readonly size: number;
  /** Of each connection. */
  readonly inFlight: number;
  /** Messages per second of all connections; 0: as many as are answered. */
  readonly rate: number;
}

/** Handshakes at a time. */
const HANDSHAKES = 100;
/** How often messages that are due are sent. */
const PACE_MS = 1;
/** When no answer has come for this long at the end, none is waited for any more. */
const SILENCE_MS = 2000;
const LOOK_MS = 10;
const MICROS_PER_MS = 1000;

export class Load {
  answered = 0;
  readonly #options: LoadOptions;
  readonly #histogram: RecordableHistogram = createHistogram();
  readonly #connections: LoadConnection[] = [];
  #failed = 0;
  #lost = 0;
  #sent = 0;
  #wrong = 0;
  /** Why the first connection that failed did, or what the first wrong answer was. */
  #trouble: string | null = null;
  #startMs = Number.POSITIVE_INFINITY;
  #endMs = Number.NEGATIVE_INFINITY;
  #lastAnswerMs = 0;
  #turn = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  get elapsedMs(): number {
    return Math.max(0, performance.now() - this.#startMs);
  }

  /** Rejects when not even the first connection can be had. */
  async run(): Promise<LoadResult> {
    const { url, size, durationMs, rate } = this.#options;
    const { isEcho, greetings } = await probe(url, size);
    await this.#open(isEcho, greetings);
    const before = performance.eventLoopUtilization();
    this.#startMs = performance.now();
    this.#endMs = this.#startMs + durationMs;
    const pace = setInterval(() => this.#sendDue(), PACE_MS);
    if (rate === 0) for (const connection of this.#connections) this.#fill(connection);
    await delay(durationMs);
    clearInterval(pace);
    const seconds = (performance.now() - this.#startMs) / 1000;
    const answeredInTime = this.answered;
    const { utilization } = performance.eventLoopUtilization(before);
    const late = rate === 0 ? 0 : Math.max(0, Math.floor(rate * (durationMs / 1000)) - this.#sent);
    await this.#settle();
    const unanswered = this.#sent - this.answered;
    await Promise.all(this.#connections.map((connection) => connection.close()));
    return {
      isEcho,
      seconds,
      connections: { opened: this.#connections.length, failed: this.#failed, lost: this.#lost },
      messages: { sent: this.#sent, answered: this.answered, wrong: this.#wrong, unanswered, late },
      messagesPerSecond: answeredInTime / seconds,
      latencyMs: this.#latency(),
      utilization,
      trouble: this.#trouble,
    };
  }

  async #open(isEcho: boolean, greetings: number): Promise<void> {
    const { connections, url, size } = this.#options;
    let next = 0;
    const openSome = async (): Promise<void> => {
      while (next < connections) {
        const connection = new LoadConnection(url, next++, { size, isEcho, greetings }, this);
        try {
          await connection.opened;
          this.#connections.push(connection);
        } catch (error) {
          this.#failed++;
          this.#trouble ??= (error as Error).message;
        }
      }
    };
    await Promise.all(Array.from({ length: HANDSHAKES }, openSome));
  }

  // ── for connections ──

  /** `trouble` says what was wrong with the answer; null when nothing was. */
  answer(connection: LoadConnection, dueMs: number, trouble: string | null): void {
    const now = performance.now();
    this.#lastAnswerMs = now;
    this.answered++;
    if (trouble === null) this.#histogram.record(Math.max(1, Math.round((now - dueMs) * MICROS_PER_MS)));
    else this.unexpected(trouble);
    if (this.#options.rate === 0) this.#fill(connection);
    else this.#sendDue();
  }

  /** An answer that is wrong, or one to nothing. */
  unexpected(trouble: string): void {
    this.#wrong++;
    this.#trouble ??= trouble;
  }

  lost(why: string): void {
    this.#lost++;
    this.#trouble ??= why;
  }

  // ── sending ──

  #fill(connection: LoadConnection): void {
    const now = performance.now();
    if (now < this.#startMs || now >= this.#endMs) return;
    while (connection.isOpen && connection.waiting < this.#options.inFlight) this.#send(connection, now);
  }

  /** What the rate asks for by now, round the connections that have room. */
  #sendDue(): void {
    const { rate, inFlight } = this.#options;
    const now = performance.now();
    if (rate === 0 || now >= this.#endMs) return;
    const due = Math.floor(((now - this.#startMs) * rate) / 1000);
    for (let tried = 0; this.#sent < due && tried < this.#connections.length; this.#turn++) {
      const connection = this.#connections[this.#turn % this.#connections.length];
      if (connection?.isOpen && connection.waiting < inFlight) {
        // Counted from when it should have been sent: a server that holds up the sender must not look quicker for it.
        this.#send(connection, this.#startMs + ((this.#sent + 1) * 1000) / rate);
        tried = 0;
      } else tried++;
    }
  }

  #send(connection: LoadConnection, dueMs: number): void {
    this.#sent++;
    connection.send(dueMs);
  }

  /** Until everything is answered, or nobody answers any more. */
  async #settle(): Promise<void> {
    const isWaiting = (): boolean =>
      this.#connections.some((connection) => connection.isOpen && connection.waiting > 0);
    this.#lastAnswerMs = performance.now();
    while (isWaiting() && performance.now() - this.#lastAnswerMs < SILENCE_MS) await delay(LOOK_MS);
  }

  #latency(): LoadResult['latencyMs'] {
    const histogram = this.#histogram;
    if (histogram.count === 0) return null;
    const at = (percentile: number): number => histogram.percentile(percentile) / MICROS_PER_MS;
    return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: histogram.max / MICROS_PER_MS };
  }
}
