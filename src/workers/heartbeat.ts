import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import type { ControlBlock } from '../shared/control-block.ts';
import type { Duration } from '../shared/duration.ts';
import type { CounterName, DurationName } from '../shared/layout.ts';
import type { LoopSlot } from '../shared/loop-slot.ts';
import type { BacklogSurvey } from './backlog-survey.ts';
import { heapTrim } from './heap-trim.ts';
import type { HeapUse } from './heap-watch.ts';

/** How often a loop says that it turns, and how it is doing. */
export const HEARTBEAT_MS = 100;

/** What a heartbeat tells of. */
export interface Beating {
  readonly block: ControlBlock;
  readonly slot: LoopSlot;
  readonly totals: Readonly<Record<CounterName, number>>;
  readonly durations: Readonly<Record<DurationName, Duration>>;
  readonly backlogs: BacklogSurvey;
  lookAtHeap(): HeapUse;
}

/** Writes a loop's heartbeat, lag, vitals and totals to the control block, until stopped. */
export function startHeartbeat({
  block,
  slot,
  totals,
  durations,
  backlogs,
  lookAtHeap,
}: Beating): () => void {
  let expectedMs = performance.now();
  const trim = heapTrim();
  let before: EventLoopUtilization = performance.eventLoopUtilization();
  const beat = (lateMs: number): void => {
    // The totals first: who sees a fresh heartbeat sees totals that are as fresh.
    slot.writeTotals(totals);
    slot.writeDurations(durations);
    slot.beat(block.nowMs(), Math.round(lateMs));
    expectedMs = performance.now() + HEARTBEAT_MS;
  };
  beat(0);
  const timer = setInterval(() => {
    const lateMs = Math.max(0, performance.now() - expectedMs);
    durations.lag.add(lateMs);
    beat(lateMs);
    const now = performance.eventLoopUtilization();
    const { used, limit } = lookAtHeap();
    const { utilization } = performance.eventLoopUtilization(now, before);
    slot.tellVitals(used, limit, utilization);
    before = now;
    backlogs.look();
    trim(utilization);
  }, HEARTBEAT_MS);
  return () => {
    clearInterval(timer);
    beat(0);
  };
}
