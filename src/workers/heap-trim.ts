/**
 * Gives memory back. V8 lets the space for new objects grow with what survives in it, as the connections of a rush do, up to 48 MiB for
 * each loop, and keeps it; what shrinks it is a collection of that space while little survives. On a quiet loop none comes by itself.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The loop is quiet when it was busy for less than this share … */
const QUIET_SHARE = 0.1;
/** … of the time between so many looks: 3 s of heartbeats. */
const LOOKS = 30;
/** What is not worth a collection, which takes some milliseconds. */
const KEPT_BYTES = 4 * 1024 * 1024;
/** V8 shrinks nothing before it has forgotten the rush (5 s), and releases at a later collection what one has made free. */
const COLLECTIONS = 4;

/** Gives what is told, at each heartbeat, for which share of its time this thread was busy. */
export function heapTrim(collect: () => void = collectYoung): (utilization: number) => void {
  let looks = 0;
  let busy = 0;
  let collections = 0;
  let keptBytes = KEPT_BYTES;
  return (utilization) => {
    busy += utilization;
    looks++;
    if (looks < LOOKS) return;
    const isQuiet = busy < QUIET_SHARE * LOOKS;
    looks = 0;
    busy = 0;
    if (!isQuiet) return;
    if (collections === 0 && youngBytes() > keptBytes) collections = COLLECTIONS;
    if (collections === 0) return;
    collect();
    collections--;
    // What they leave is not tried again.
    if (collections === 0) keptBytes = Math.max(KEPT_BYTES, youngBytes());
  };
}

/** What this thread's space for new objects takes, in use or not. */
export function youngBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  return young?.physical_space_size ?? 0;
}

/**
 * V8 shows its collector only to a context that is made while the flag is set: to none of the app's. The flag is one for all threads; when
 * another one takes it away in between, there is no collection this time.
 */
function collectYoung(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('globalThis.gc') as ((options: { type: 'minor' }) => void) | undefined;
  setFlagsFromString('--no-expose-gc');
  gc?.({ type: 'minor' });
}
