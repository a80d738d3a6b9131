/** A status as a server with two loops may have it, for what only reads it. */
import type { BackplaneStatus, ServerStatus } from 'polyloop';
import { ControlBlock } from '../../src/shared/control-block.ts';

/** Of a node that is connected, and has missed a little. */
export const SAMPLE_BACKPLANE: BackplaneStatus = {
  engine: 'redis',
  node: 'node-a',
  state: 'connected',
  sent: 20,
  received: 30,
  dropped: 4,
  missed: 5,
  refused: 6,
  reconnects: 7,
  waitingBytes: 2048,
};

const NO_TIMES = { count: 0, mean: 0, p50: 0, p99: 0, max: 0 };

export function sampleStatus(changes: Partial<ServerStatus> = {}): ServerStatus {
  const block = ControlBlock.create(2);
  return {
    version: '1.2.3',
    nodeVersion: '20.11.0',
    pid: 1,
    startedAt: '2026-01-01T00:00:00.000Z',
    uptimeMs: 1000,
    state: 'ready',
    detail: null,
    loops: block.snapshot().map((loop) => ({ ...loop, isStale: false, unreadBytes: 0 })),
    log: { bytes: 65_536, unreadBytes: 0, writtenBytes: 0 },
    channels: { count: 0, max: 10 },
    backplane: null,
    publishes: { accepted: 0, refused: 0 },
    residentBytes: 1,
    offload: {
      workers: 1,
      queued: 0,
      running: 0,
      completed: 0,
      failed: 0,
      timedOut: 0,
      aborted: 0,
      refused: 0,
      waitMs: NO_TIMES,
      runMs: NO_TIMES,
    },
    restarts: { error: 0, exit: 0, heap: 0, ended: 0, reload: 0 },
    events: [],
    ...changes,
  };
}
