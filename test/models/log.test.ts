/** The model of the log (src/shared/log-writer.ts, log-reader.ts), and that it would tell if the log were wrong. */
import { describe, expect, test } from 'vitest';
import { isWithoutSpin, SEARCH_TIMEOUT_MS, search } from '../harness/spin.ts';

const OVERWRITES = 'assertion violated  !(overwrites)';
const MISREADS = 'assertion violated  !(misreads)';
const NEVER_AGAIN = 'acceptance cycle';

/** For what needs fairness, which makes a search much longer. Enough for a record of two units with padding before it. */
const SMALL = 'UNITS=3';

describe.skipIf(isWithoutSpin())('the model of the log', { timeout: SEARCH_TIMEOUT_MS }, () => {
  test('overwrites nothing unread and has each reader read every record once, whole and in order', async () => {
    expect(await search('log')).toEqual({ error: undefined, unreached: [] });
  });

  test('gives writers room again and again while readers read', async () => {
    const { error } = await search('log', { define: [SMALL], property: 'finds_room' });
    expect(error).toBeUndefined();
  });

  test('leaves no record unread for ever while readers live', async () => {
    const { error } = await search('log', { define: [SMALL], property: 'is_read' });
    expect(error).toBeUndefined();
  });

  test.each([
    ['the tail is stored before the record is written', 'TAIL_BEFORE_BYTES', MISREADS],
    ['the gate is computed from one reader only', 'GATE_OF_ONE_READER', OVERWRITES],
    ['a reader stores its cursor before it reads', 'CURSOR_BEFORE_READING', OVERWRITES],
    ['writers append without the lock', 'APPEND_WITHOUT_LOCK', OVERWRITES],
    ['a reader attaches without the lock', 'ATTACH_WITHOUT_LOCK', OVERWRITES],
  ])('is refuted when %s', async (_, change, error) => {
    expect(await search('log', { define: [change] })).toMatchObject({ error });
  });

  test.each([
    ['the room', 'the gate is never computed anew', 'KEEP_GATE', 'finds_room'],
    ['the reading', 'a batch may read nothing', 'EMPTY_BATCHES', 'is_read'],
  ])('is refuted as to %s when %s', async (_, __, change, property) => {
    const { error } = await search('log', { define: [SMALL, change], property });
    expect(error).toBe(NEVER_AGAIN);
  });
});
