/** What the admin server says of the whole server: to the live page, to `polyloop top`, and to whoever asks `/api/loops`. */
import type { Config } from '../../config.ts';
import type { RestartCause, ServerState } from '../../server-state.ts';
import type { LoopSnapshot } from '../../shared/control-block.ts';
import { version } from '../../version.ts';
import type { Journal } from '../journal.ts';
import type { OffloadPool } from '../offload-pool.ts';
import type { OffloadSnapshot } from '../offload-stats.ts';
import type { BackplaneStatus } from '../open-bridge.ts';
import type { OwnedMemory } from '../owned-memory.ts';
import type { Supervisor } from '../supervisor.ts';
import { STALE_MS } from '../watchdog.ts';

/** A loop, and how it keeps up with the log. */
export interface LoopStatus extends LoopSnapshot {
  /** It has not turned for 2 s or more. */
  readonly isStale: boolean;
  /** What is between its cursor and the end of the log. A loop that nothing concerns passes it later, in one step. */
  readonly unreadBytes: number;
}

/** Something that happened to the server as a whole or to one loop. */
export interface ServerEvent {
  /** 1, 2, 3 … */
  readonly number: number;
  /** ISO 8601. */
  readonly at: string;
  /** As in the log line about it. */
  readonly level: 'info' | 'warn' | 'error';
  /** Id of the loop; null when it is about the whole server. */
  readonly loop: number | null;
  /** A sentence without a full stop. */
  readonly text: string;
}

/** The whole server at one moment. Counts are from its start. */
export interface ServerStatus {
  /** Of this package: `1.2.3`. */
  readonly version: string;
  /** Of Node: `22.1.0`. */
  readonly nodeVersion: string;
  /** Id of the process. */
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Milliseconds since then. */
  readonly uptimeMs: number;
  /** Whether it serves, and with how many of its loops. */
  readonly state: ServerState;
  /** Why it is not `ready`, in a few words; null when it is. */
  readonly detail: string | null;
  /** Every loop, by id. */
  readonly loops: readonly LoopStatus[];
  /** The log, in bytes. */
  readonly log: {
    /** Size of the ring. */
    readonly bytes: number;
    /** The most that any loop has before it. At `bytes` publishes are refused. */
    readonly unreadBytes: number;
    /** Ever written, with headers and padding. */
    readonly writtenBytes: number;
  };
  /** Channels. */
  readonly channels: {
    /** Those that are known; one without subscribers is, until its place is needed. */
    readonly count: number;
    /** Option `maxChannels`. */
    readonly max: number;
  };
  /** The way to other nodes; null without the option `backplane`. */
  readonly backplane: BackplaneStatus | null;
  /** By `server.publish` and the admin server; those of loops are in their counters. */
  readonly publishes: {
    /** Put into the log. */
    readonly accepted: number;
    /** Refused, see `PublishRefusal`. */
    readonly refused: number;
  };
  /** Memory of the process, all threads and the shared memory together; 0 when it cannot be had. */
  readonly residentBytes: number;
  /** The offload pool. */
  readonly offload: OffloadSnapshot;
  /** How often a loop was replaced, by cause. */
  readonly restarts: Readonly<Record<RestartCause, number>>;
  /** The latest, oldest first. */
  readonly events: readonly ServerEvent[];
}

/** Where the server as a whole is; how its loops are decides what `running` comes to. */
export type ServerPhase = 'starting' | 'running' | 'draining';

/** What the status is read from. */
export interface StatusSources {
  readonly config: Config;
  readonly memory: OwnedMemory;
  readonly supervisor: Supervisor;
  readonly offload: OffloadPool;
  readonly journal: Journal;
  phase(): ServerPhase;
  backplane(): BackplaneStatus | null;
}

/** 0 when the system does not say, as when the process may open no more files. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}

/** Share of the loops that must serve for the server to count as able to. */
const ENOUGH_LOOPS = 1 / 2;

/** Reads the status of a server, without asking any loop. */
export class StatusReader {
  readonly #sources: StatusSources;
  readonly #startedAt = new Date();
  readonly #startMs = performance.now();

  constructor(sources: StatusSources) {
    this.#sources = sources;
  }

  read(): ServerStatus {
    const { config, memory, supervisor, offload, journal } = this.#sources;
    const { channels, writtenBytes } = memory.usage();
    const backplane = this.#sources.backplane();
    const loops = memory.block.snapshot().map((loop) => {
      const isStale = loop.state !== 'ended' && loop.state !== 'starting' && loop.heartbeatAgeMs >= STALE_MS;
      return { ...loop, isStale, unreadBytes: memory.unreadBytes(loop.id) };
    });
    return {
      version: version(),
      nodeVersion: process.versions.node,
      pid: process.pid,
      startedAt: this.#startedAt.toISOString(),
      uptimeMs: Math.round(performance.now() - this.#startMs),
      ...this.#state(loops, backplane),
      loops,
      log: {
        bytes: config.logBytes,
        unreadBytes: Math.max(0, ...loops.map((loop) => loop.unreadBytes)),
        writtenBytes,
      },
      channels: { count: channels, max: config.maxChannels },
      backplane,
      publishes: { ...memory.publishes },
      residentBytes: residentBytes(),
      offload: offload.snapshot(),
      restarts: { ...supervisor.restarts },
      events: journal.events,
    };
  }

  #state(
    loops: readonly Pick<LoopStatus, 'id' | 'state' | 'isStale'>[],
    backplane: BackplaneStatus | null,
  ): Pick<ServerStatus, 'state' | 'detail'> {
    const phase = this.#sources.phase();
    if (phase !== 'running') return { state: phase, detail: `the server is ${phase}` };
    const missing = loops.filter(({ state, isStale }) => state !== 'ready' || isStale);
    const troubles = missing.map(
      ({ id, state, isStale }) => `loop ${id} ${isStale ? 'does not turn' : `is ${state}`}`,
    );
    if (backplane !== null && backplane.state !== 'connected') troubles.push('the backplane is away');
    if (troubles.length === 0) return { state: 'ready', detail: null };
    const isEnough = loops.length - missing.length >= loops.length * ENOUGH_LOOPS;
    return { state: isEnough ? 'degraded' : 'unready', detail: troubles.join(', ') };
  }
}
