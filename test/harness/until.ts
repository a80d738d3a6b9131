import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits for a condition that has no event of its own (counts in shared memory). The test's own timeout bounds it; the
 * pause is only how often to look.
 */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(5);
}
