/** The model of the doorbell (src/shared/doorbell.ts), and that it would tell if the doorbell were wrong. */
import { describe, expect, test } from 'vitest';
import { isWithoutSpin, SEARCH_TIMEOUT_MS, search } from '../harness/spin.ts';

const LEAVES_UNREAD = 'assertion violated  !(leaves_unread)';
const STAYS_FULL = 'assertion violated  !(stays_full)';
const NEVER_READ = 'acceptance cycle';

/** Nobody is woken for a record, so only the writers' look at the cursors wakes a reader. */
const NO_SUBSCRIBERS = 'SUBSCRIBED=0';

describe.skipIf(isWithoutSpin())('the model of the doorbell', { timeout: SEARCH_TIMEOUT_MS }, () => {
  test('leaves no reader asleep when there is something to read', async () => {
    expect(await search('doorbell')).toEqual({ error: undefined, unreached: [] });
  });

  test('has every reader come to the tail when the writers have finished', async () => {
    const { error } = await search('doorbell', { property: 'is_read' });
    expect(error).toBeUndefined();
  });

  test('makes room in a full log when its readers sleep for lack of subscribers', async () => {
    const { error } = await search('doorbell', { define: [NO_SUBSCRIBERS] });
    expect(error).toBeUndefined();
  });

  test.each([
    ['a reader does not look at the tail again before it sleeps', 'SLEEP_WITHOUT_RECHECK'],
    ['a reader sets the bell after it has looked again', 'ARM_AFTER_RECHECK'],
    ['a writer rings before it stores the tail', 'RING_BEFORE_TAIL'],
  ])('is refuted when %s', async (_, change) => {
    expect(await search('doorbell', { define: [change] })).toMatchObject({ error: LEAVES_UNREAD });
  });

  test('is refuted as to reading when a reader does not look at the tail again before it sleeps', async () => {
    const { error } = await search('doorbell', { define: ['SLEEP_WITHOUT_RECHECK'], property: 'is_read' });
    expect(error).toBe(NEVER_READ);
  });

  test('is refuted as to room when writers leave asleep who lags', async () => {
    const { error } = await search('doorbell', { define: [NO_SUBSCRIBERS, 'LEAVE_LAGGARDS_ASLEEP'] });
    expect(error).toBe(STAYS_FULL);
  });
});
