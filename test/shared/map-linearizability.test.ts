import { describe, expect, it } from 'vitest';
import { SharedState } from '../../src/shared/state.ts';
import { crew } from '../harness/crew.ts';
import { type Call, isLinearizable } from '../harness/linearizable.ts';
import { Random } from '../harness/state-memory.ts';

const THREADS = 4;
const STRESS = process.env.POLYLOOP_STRESS === '1';
const ROUNDS = STRESS ? 50 : 3;
const TIMES = STRESS ? 20_000 : 4000;
const TIMEOUT_MS = STRESS ? 600_000 : 30_000;
const KEYS = ['a', 'b', 'a longer key, beyond one block of the shared memory'];

interface Op {
  readonly name: string;
  readonly key: string;
  readonly value: number;
}
type Result = number | boolean | undefined;

/** What one entry does. */
function entry(state: number | undefined, { name, value }: Op): readonly [number | undefined, Result] {
  switch (name) {
    case 'get':
      return [state, state];
    case 'has':
      return [state, state !== undefined];
    case 'set':
      return [value, undefined];
    case 'delete':
      return [undefined, state !== undefined];
    case 'add':
      return [(state ?? 0) + value, (state ?? 0) + value];
    default: {
      const odd = state !== undefined && state % 2 !== 0 ? state : undefined;
      return [odd, odd];
    }
  }
}

type History = readonly (readonly Call<Op, Result>[])[];
const isRight = (history: History): boolean => isLinearizable(history, undefined, entry);
const call = (name: string, value: number, result: Result, start: number, end: number): Call<Op, Result> => ({
  op: { name, key: 'a', value },
  result,
  start,
  end,
});

describe('the checker', () => {
  it.each<[string, History]>([
    ['nothing is called', []],
    ['one thread reads what it wrote', [[call('set', 5, undefined, 0, 1), call('get', 0, 5, 2, 3)]]],
    ['a read beside a write sees it', [[call('set', 5, undefined, 0, 3)], [call('get', 0, 5, 1, 2)]]],
    [
      'a read beside a write does not see it',
      [[call('set', 5, undefined, 0, 3)], [call('get', 0, undefined, 1, 2)]],
    ],
    [
      'two reads beside a write see it one after the other',
      [[call('set', 5, undefined, 0, 9)], [call('get', 0, undefined, 1, 2), call('get', 0, 5, 3, 4)]],
    ],
    ['two adds at once are in some order', [[call('add', 1, 3, 0, 3)], [call('add', 2, 2, 1, 2)]]],
  ])('accepts a history where %s', (_, history) => {
    expect(isRight(history)).toBe(true);
  });

  it.each<[string, History]>([
    ['a read sees what nobody wrote', [[call('get', 0, 5, 0, 1)]]],
    [
      'a read does not see what was written before it',
      [[call('set', 5, undefined, 0, 1)], [call('get', 0, undefined, 2, 3)]],
    ],
    [
      'a read sees less than the read before it',
      [[call('set', 5, undefined, 0, 9)], [call('get', 0, 5, 1, 2)], [call('get', 0, undefined, 3, 4)]],
    ],
    ['an add is lost', [[call('add', 1, 1, 0, 3)], [call('add', 1, 1, 1, 2)]]],
    [
      'two threads delete the same',
      [[call('set', 5, undefined, 0, 1), call('delete', 0, true, 2, 5)], [call('delete', 0, true, 3, 4)]],
    ],
  ])('refuses a history where %s', (_, history) => {
    expect(isRight(history)).toBe(false);
  });
});

describe('a map of several threads', () => {
  it(
    'does every call as one step: each history has an order in which the results are right',
    async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { seed } = new Random();
        const histories = await crew<Call<Op, Result>[]>('shared-history-thread.js', THREADS, {
          memory: SharedState.create(2 ** 16),
          clock: new Int32Array(new SharedArrayBuffer(4)),
          times: TIMES,
          keys: KEYS,
          seed,
        });
        for (const key of KEYS) {
          const history = histories.map((calls) => calls.filter(({ op }) => op.key === key));
          expect(isRight(history), `seed ${seed}, key ${key}`).toBe(true);
          expect(overlaps(history), 'calls that ran beside another').toBeGreaterThan(0);
          expect(isRight(withWrongResult(history)), `seed ${seed}, key ${key}, one result changed`).toBe(
            false,
          );
        }
      }
    },
    TIMEOUT_MS,
  );
});

/** Calls that began while one of another thread ran. */
function overlaps(history: History): number {
  const ends = history.flatMap((calls, thread) => calls.map(({ start, end }) => ({ thread, start, end })));
  ends.sort((a, b) => a.start - b.start);
  return ends.filter(({ thread, start }, index) => {
    const before = ends[index - 1];
    return before !== undefined && before.thread !== thread && before.end > start;
  }).length;
}

/** The same history, in which a read in the middle saw what nobody ever wrote. */
function withWrongResult(history: History): History {
  const [first = [], ...others] = history;
  const at = first.findIndex(({ op }, index) => index > first.length / 2 && op.name === 'get');
  return [first.with(at, { ...(first[at] as Call<Op, Result>), result: -1 }), ...others];
}
