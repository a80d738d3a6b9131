/** Lets offload workers stand back where cores are scarce, so that the loops go first. */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/** A tenth of the share of a thread with 0, when both want the same core. */
const NICENESS = 10;
/** Ends in the number of the thread that reads it. */
const THREAD = '/proc/thread-self';

/** For the calling thread. Linux only: elsewhere a thread has no niceness of its own. */
export function standBack(): void {
  if (process.platform !== 'linux') return;
  try {
    const number = Number(readlinkSync(THREAD).replace(/^.*\//, ''));
    // Never the main thread, whose number is that of the process: others would inherit it.
    if (number > 0 && number !== process.pid) setPriority(number, NICENESS);
  } catch {
    // Without /proc, or where it is not allowed, all threads are equal.
  }
}
