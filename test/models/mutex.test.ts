/** The model of the futex mutex (src/shared/mutex.ts), and that it would tell if the mutex were wrong. */
import { describe, expect, test } from 'vitest';
import { isWithoutSpin, SEARCH_TIMEOUT_MS, search } from '../harness/spin.ts';

const TWO_INSIDE = 'assertion violated (inside==1)';
const ASLEEP_FOR_EVER = 'invalid end state';
const NOBODY_GETS_ON = 'acceptance cycle';

describe.skipIf(isWithoutSpin())('the model of the mutex', { timeout: SEARCH_TIMEOUT_MS }, () => {
  test('lets one thread in at a time and leaves none asleep when the lock is free', async () => {
    expect(await search('mutex')).toEqual({ error: undefined, unreached: [] });
  });

  test('lets some thread in again and again while any thread wants the lock', async () => {
    const { error } = await search('mutex', { property: 'gets_on' });
    expect(error).toBeUndefined();
  });

  test.each([
    ['a thread loads the word and then stores it', 'TAKE_WITHOUT_EXCHANGE', TWO_INSIDE],
    ['a thread sleeps without having marked the word', 'SLEEP_WITHOUT_MARK', ASLEEP_FOR_EVER],
    ['a thread that has slept takes the lock without the mark', 'TAKE_WITHOUT_MARK', ASLEEP_FOR_EVER],
    ['a thread gives up before it marks the word', 'GIVE_UP_BEFORE_MARK', ASLEEP_FOR_EVER],
    ['unlocking notifies before it stores', 'NOTIFY_BEFORE_UNLOCK', ASLEEP_FOR_EVER],
    ['the lock of a thread that ended is freed in silence', 'FREE_WITHOUT_NOTIFY', ASLEEP_FOR_EVER],
  ])('is refuted when %s', async (_, change, error) => {
    expect(await search('mutex', { define: [change] })).toMatchObject({ error });
  });

  test('is refuted as to getting on when a thread sleeps without having marked the word', async () => {
    const { error } = await search('mutex', { define: ['SLEEP_WITHOUT_MARK'], property: 'gets_on' });
    expect(error).toBe(NOBODY_GETS_ON);
  });
});
