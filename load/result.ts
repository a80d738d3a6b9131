/** What one run of one case against one target shows. */

/** Milliseconds, as the generator sees them. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface Figures {
  /** Of the scenario's unit: messages, deliveries, requests, … */
  readonly perSecond: number;
  /** CPU time of the server, all its processes and threads, user and system, for each of that. */
  readonly cpuMicros: number;
  /** Resident memory of the server at the end. */
  readonly residentMib: number;
  /** By how much it grew meanwhile. */
  readonly grownMib: number;
  /** Null where nothing is waited for. */
  readonly latency: Latency | null;
  /** Share of a core that the generator used; above {@link BUSY_GENERATOR} it was the limit, and not the server. */
  readonly generatorLoad: number;
  /** Share of a core that neither server nor generator used; above {@link BUSY_OTHERS} other programs were in the way. */
  readonly othersLoad: number;
  /** What else a scenario measures, by a name with its unit. */
  readonly more?: Readonly<Record<string, number>>;
}

export interface Result {
  /** Null when the run was cut short. */
  readonly figures: Figures | null;
  /** The first wrong, missing or superfluous answer; null when every check passed. */
  readonly trouble: string | null;
}

export const BUSY_GENERATOR = 0.9;
export const BUSY_OTHERS = 0.1;
