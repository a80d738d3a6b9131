/** Calls where the stack is almost used up: each throws at another place, until there is room enough. */
import { describe, expect, it } from 'vitest';
import { ensureStackRoom } from '../../src/shared/stack-room.ts';
import type { SharedState } from '../../src/shared/state.ts';
import { StateMemory } from '../harness/state-memory.ts';

const ROUNDS = process.env.POLYLOOP_STRESS === '1' ? 300 : 10;
/** On the way up from the end of the stack, until so many calls have passed. */
const PASSES = 5;
const LIMIT = { limit: 200, windowMs: 50 };

const textOf = (n: number): string => String(n % 10).repeat((n * 37) % 400);
const isWhole = (value: unknown): boolean => new Set(value as string).size <= 1;

const CALLS: Record<string, (state: SharedState, n: number) => unknown> = {
  set: (state, n) => state.map('m').set(`key${n % 200}`, textOf(n)),
  'set with a time to live': (state, n) => state.map('m').set(`key${n % 200}`, textOf(n), { ttlMs: 1 }),
  get: (state, n) => state.map('m').get(`key${n % 200}`),
  delete: (state, n) => state.map('m').delete(`key${n % 200}`),
  update: (state, n) => state.map('m').update(`key${n % 200}`, () => textOf(n)),
  size: (state) => state.map('m').size,
  'a walk over a map': (state) => [...state.map('m')].length,
  take: (state, n) => state.rateLimiter('r', LIMIT).take(`key${n % 20}`),
  runExclusive: (state, n) => state.mutex('x').runExclusive(() => n),
  'a new name': (state, n) => state.counter(`name${n % 500}`).add(),
};

/** Goes down until the stack ends, and calls on the way up. The frames of each kind have another size. */
function makeDive(parameters: string): (call: () => void) => void {
  const body = `const dive = (${parameters}) => { try { dive() } catch {} call(); }; dive();`;
  return new Function('call', body) as (call: () => void) => void;
}
const DIVES = ['', 'a', 'a, b', 'a, b, c'].map(makeDive);

describe('a call without stack left', () => {
  it.each(Object.keys(CALLS))('leaves everything whole, and every lock free, when it is %s', (name) => {
    const memory = new StateMemory();
    const state = memory.state(1);
    const call = CALLS[name] as (typeof CALLS)[string];
    const counts = { passed: 0, failed: 0 };
    let odd: unknown;
    let left = 0;
    let n = 0;
    const attempt = (): void => {
      if (left === 0) return;
      try {
        call(state, n++);
        left--;
        counts.passed++;
      } catch (error) {
        counts.failed++;
        if (!(error instanceof RangeError)) odd = error;
      }
    };
    for (let round = 0; round < ROUNDS; round++) {
      for (const dive of DIVES) {
        left = PASSES;
        dive(attempt);
        memory.nowMs += 0.5;
      }
    }
    expect(odd).toBeUndefined();
    expect(counts.passed).toBeGreaterThan(0);
    expect(counts.failed).toBeGreaterThan(0);
    // Throws when anything is damaged. Chains may be lost.
    memory.lostBlocks();
    // No lock is held: else this would wait, and throw.
    const other = memory.state(2);
    expect([...other.map('m').values()].every(isWhole)).toBe(true);
    other.map('m').set('new', 'value');
    other.rateLimiter('r', LIMIT).take('new');
    expect(other.mutex('x').runExclusive(() => 'free', { timeoutMs: 0 })).toBe('free');
    other.counter('a new name').add();
    memory.lostBlocks();
  });
});

describe('the room on the stack', () => {
  it('is asked for, also by code that runs often', () => {
    for (let i = 0; i < 300_000; i++) ensureStackRoom();
    let depth = 0;
    let deepest = 0;
    let enough = 0;
    const dive = (): void => {
      depth++;
      deepest = Math.max(deepest, depth);
      try {
        dive();
      } catch {
        // The end of the stack.
      }
      try {
        ensureStackRoom();
        enough = Math.max(enough, depth);
      } catch {
        // Too deep still.
      }
      depth--;
    };
    dive();
    // A frame of `dive` is smaller than 200 bytes, and the room is 4 KiB.
    expect(deepest - enough).toBeGreaterThanOrEqual(20);
  });
});
