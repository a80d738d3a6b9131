/**
 * Holds loops up for as long as a test wants. A test shuts the gate, starts the server, and has functions on loops call
 * `Atomics.wait` on word `CLOSED`: the loop does nothing else until `open`.
 */
import { setEnvironmentData } from 'node:worker_threads';
import { until } from './until.ts';

/** Words: 0 until the gate is open; loops that have come to it. */
const CLOSED = 0;
const ARRIVED = 1;

export class Gate {
  readonly #words = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));

  /** Loops of servers that start from here on have this gate. */
  constructor() {
    setEnvironmentData('gate', this.#words);
  }

  /** Resolves when so many loops stand at it. */
  arrived(count = 1): Promise<void> {
    return until(() => Atomics.load(this.#words, ARRIVED) === count);
  }

  open(): void {
    Atomics.store(this.#words, CLOSED, 1);
    Atomics.notify(this.#words, CLOSED);
  }
}

/** For `run` on a loop: comes to the gate and stands there. */
export function standAtGate({ gate }: { readonly gate: Int32Array<SharedArrayBuffer> }): void {
  Atomics.add(gate, 1, 1);
  Atomics.wait(gate, 0, 0);
}
