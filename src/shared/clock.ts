const MS_PER_SECOND = 1e3;
const NS_PER_MS = 1e6;

/**
 * Milliseconds on a clock that all threads share and that never goes back; resolution below a microsecond, no zero that
 * means anything. `performance.now()` starts anew on every thread; `hrtime.bigint()` costs twice as much.
 */
export function monotonicMs(): number {
  const [seconds, ns] = process.hrtime();
  return seconds * MS_PER_SECOND + ns / NS_PER_MS;
}
