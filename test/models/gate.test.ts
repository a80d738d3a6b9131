/** The model of taking a reader out of the gate (src/shared/log.ts), and that it would tell if that were wrong. */
import { describe, expect, test } from 'vitest';
import { isWithoutSpin, SEARCH_TIMEOUT_MS, search } from '../harness/spin.ts';

const OVERWRITTEN = 'assertion violated  !(overwritten)';

describe.skipIf(isWithoutSpin())('the model of the gate', { timeout: SEARCH_TIMEOUT_MS }, () => {
  test('lets nobody overwrite what a reader reads when it is taken out and attaches again', async () => {
    expect(await search('gate')).toEqual({ error: undefined, unreached: [] });
  });

  test.each([
    ['the primary takes out a reader that is reading', 'EJECT_WHILE_READING'],
    ['a reader looks at its state and then reads', 'READ_WITHOUT_ENTERING'],
    ['a reader attaches again without the append lock', 'ATTACH_WITHOUT_LOCK'],
  ])('is refuted when %s', async (_, change) => {
    expect(await search('gate', { define: [change] })).toMatchObject({ error: OVERWRITTEN });
  });
});
