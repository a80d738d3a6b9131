import type { ControlBlock, LoopSlot } from '../shared/control-block.ts';
import type { CounterName } from '../shared/layout.ts';

/** How often a loop says that it turns, and publishes its totals. */
export const HEARTBEAT_MS = 100;

/** Writes a loop's heartbeat, lag and totals to the control block, and calls `onBeat`, until stopped. */
export function startHeartbeat(
  block: ControlBlock,
  slot: LoopSlot,
  totals: Readonly<Record<CounterName, number>>,
  onBeat: () => void,
): () => void {
  let expectedMs = block.nowMs();
  const beat = () => {
    const nowMs = block.nowMs();
    // The totals first: who sees a fresh heartbeat sees totals that are as fresh.
    slot.writeTotals(totals);
    slot.beat(nowMs, Math.max(0, nowMs - expectedMs));
    expectedMs = nowMs + HEARTBEAT_MS;
  };
  beat();
  const timer = setInterval(() => {
    beat();
    onBeat();
  }, HEARTBEAT_MS);
  return () => {
    clearInterval(timer);
    beat();
  };
}
