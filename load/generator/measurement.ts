/** CPU of server, generator and machine between two moments. */
import { createHistogram, performance } from 'node:perf_hooks';
import { busySeconds, cpuSeconds, residentBytes } from '../process-figures.ts';
import type { Figures, Latency } from '../result.ts';
import type { Load } from './load.ts';

const MIB = 1024 * 1024;
const MICROS_PER_MS = 1000;
const LONGEST_MS = 100_000;

type Apart = NonNullable<Load['apart']>;

interface Moment {
  readonly ms: number;
  readonly server: number;
  /** As the load names them. */
  readonly apart: readonly number[];
  /** Of those, what is not the server's. */
  readonly beside: number;
  readonly generator: number;
  readonly machine: number;
}

function now(pids: readonly number[], apart: Apart): Moment {
  const { user, system } = process.cpuUsage();
  const groups = Object.values(apart);
  return {
    ms: performance.now(),
    server: cpuSeconds(pids),
    apart: groups.map(cpuSeconds),
    beside: cpuSeconds(groups.flat().filter((pid) => !pids.includes(pid))),
    generator: (user + system) / 1e6,
    machine: busySeconds(),
  };
}

export class Measurement {
  readonly #pids: readonly number[];
  readonly #apart: Apart;
  readonly #before: Moment;
  readonly #residentBefore: number;

  /** Begins now. */
  constructor(pids: readonly number[], apart: Apart = {}) {
    this.#pids = pids;
    this.#apart = apart;
    this.#residentBefore = residentBytes(pids);
    this.#before = now(pids, apart);
  }

  /** Ends now; `count` units were done meanwhile. */
  end(count: number, latency: Latency | null): Figures {
    const after = now(this.#pids, this.#apart);
    const resident = residentBytes(this.#pids);
    const seconds = (after.ms - this.#before.ms) / 1000;
    const server = after.server - this.#before.server;
    const generator = after.generator - this.#before.generator;
    const machine = after.machine - this.#before.machine;
    const beside = after.beside - this.#before.beside;
    const micros = (index: number): number =>
      (((after.apart[index] ?? 0) - (this.#before.apart[index] ?? 0)) * 1e6) / count;
    const more = Object.fromEntries(Object.keys(this.#apart).map((name, index) => [name, micros(index)]));
    return {
      perSecond: count / seconds,
      cpuMicros: (server * 1e6) / count,
      residentMib: resident / MIB,
      grownMib: (resident - this.#residentBefore) / MIB,
      latency,
      generatorLoad: generator / seconds,
      othersLoad: Math.max(0, machine - server - beside - generator) / seconds,
      ...(Object.keys(more).length === 0 ? {} : { more }),
    };
  }
}

/** Times in an HDR histogram, three digits. */
export class Latencies {
  readonly #histogram = createHistogram({ lowest: 1, highest: LONGEST_MS * MICROS_PER_MS, figures: 3 });

  record(ms: number): void {
    this.#histogram.record(Math.min(Math.max(1, Math.round(ms * MICROS_PER_MS)), LONGEST_MS * MICROS_PER_MS));
  }

  get latency(): Latency | null {
    const histogram = this.#histogram;
    if (histogram.count === 0) return null;
    const [p50, p99, p999] = [50, 99, 99.9].map((percent) => histogram.percentile(percent) / MICROS_PER_MS);
    return { p50: p50 ?? 0, p99: p99 ?? 0, p999: p999 ?? 0, max: histogram.max / MICROS_PER_MS };
  }
}
