import { describe, expect, it } from 'vitest';
import { SharedMemoryFullError, SharedTypeError } from '../../src/errors.ts';
import { LAYOUT_VERSION, StateHeaderWord } from '../../src/shared/layout.ts';
import { SharedState } from '../../src/shared/state.ts';
import { StateMemory } from '../harness/state-memory.ts';

const KINDS = ['counter', 'map', 'mutex', 'rateLimiter'] as const;
const LIMIT = { limit: 5, windowMs: 1000 };

const open = (state: SharedState, kind: (typeof KINDS)[number], name: string): unknown =>
  kind === 'rateLimiter' ? state.rateLimiter(name, LIMIT) : state[kind](name);

describe('a name', () => {
  it.each(KINDS)('gives the same %s again on one loop', (kind) => {
    const state = new StateMemory().state();
    expect(open(state, kind, 'x')).toBe(open(state, kind, 'x'));
  });

  it('is the same thing on every loop, whoever asks first', () => {
    const memory = new StateMemory();
    const [first, second] = [memory.state(1), memory.state(2)];
    first.counter('c').set(7);
    expect(second.counter('c').get()).toBe(7);
    second.map('m').set('key', 'value');
    expect(first.map('m').get('key')).toBe('value');
    first.rateLimiter('r', LIMIT).take('key', 5);
    expect(second.rateLimiter('r', LIMIT).take('key').allowed).toBe(false);
    // A loop that was replaced comes with the number it had.
    expect(memory.state(1).counter('c').get()).toBe(7);
  });

  it('is another thing than every other name', () => {
    const state = new StateMemory().state();
    const names = ['a', 'b', 'ab', 'A', ' a', 'ä', 'a'.repeat(255), '€'.repeat(85), '\0'];
    for (const [index, name] of names.entries()) state.counter(name).set(index + 1);
    expect(names.map((name) => state.counter(name).get())).toEqual(names.map((_, index) => index + 1));
  });

  it('finds what it is the name of among thousands', () => {
    const memory = new StateMemory();
    const state = memory.state(1);
    for (let i = 0; i < 3000; i++) state.counter(`n${i}`).set(i);
    const fresh = memory.state(2);
    for (let i = 0; i < 3000; i += 7) expect(fresh.counter(`n${i}`).get()).toBe(i);
    expect(memory.lostBlocks()).toBe(0);
  });

  it.each(KINDS.flatMap((was) => KINDS.filter((kind) => kind !== was).map((kind) => [was, kind] as const)))(
    'of a %s throws when it is asked for as a %s, on any loop',
    (was, kind) => {
      const memory = new StateMemory();
      open(memory.state(1), was, 'the name');
      const expected = new SharedTypeError(`"the name" is a ${was}, and was asked for as a ${kind}`);
      for (const state of [memory.state(1), memory.state(2)]) {
        expect(() => open(state, kind, 'the name')).toThrow(expected);
        open(state, was, 'the name');
        expect(() => open(state, kind, 'the name')).toThrow(expected);
      }
    },
  );

  it.each(['', 'a'.repeat(256), '€'.repeat(86), 'a\ud800'])('throws a RangeError when it is %j', (name) => {
    const memory = new StateMemory();
    for (const kind of KINDS) expect(() => open(memory.state(), kind, name)).toThrow(RangeError);
    expect(memory.usedBlocks).toBe(0);
  });

  it.each([undefined, null, 7, {}, Symbol('x')])('throws a TypeError when it is %s', (name) => {
    for (const kind of KINDS)
      expect(() => open(new StateMemory().state(), kind, name as unknown as string)).toThrow(TypeError);
  });
});

describe('the settings of a rate limiter', () => {
  it.each([
    [{ limit: 6, windowMs: 1000 }, 'limit 6, windowMs 1000'],
    [{ limit: 5, windowMs: 1000.5 }, 'limit 5, windowMs 1000.5'],
    [{ limit: 5, windowMs: 1000, burst: 5 }, 'limit 5, windowMs 1000, burst 5'],
  ])('throw when they are other than it has: %j', (settings, described) => {
    const memory = new StateMemory();
    memory.state(1).rateLimiter('r', LIMIT);
    const expected = new SharedTypeError(
      `rateLimiter "r" has limit 5, windowMs 1000, and was asked for with ${described}`,
    );
    for (const state of [memory.state(1), memory.state(2)]) {
      expect(() => state.rateLimiter('r', settings)).toThrow(expected);
      state.rateLimiter('r', LIMIT);
      expect(() => state.rateLimiter('r', settings)).toThrow(expected);
    }
  });
});

describe('a full memory', () => {
  it('names the option that says how much there is, and loses nothing', () => {
    const memory = new StateMemory(4096);
    const state = memory.state();
    let made = 0;
    const fill = (): void => {
      for (;;) {
        state.counter(`n${made}`).set(made);
        made++;
      }
    };
    expect(fill).toThrow(SharedMemoryFullError);
    expect(fill).toThrow(/counter "n\d+".*stateBytes.*4096/);
    expect(made).toBeGreaterThan(10);
    for (let i = 0; i < made; i++) expect(state.counter(`n${i}`).get()).toBe(i);
    expect(memory.lostBlocks()).toBe(0);
  });

  it('makes room for a name out of what has expired', () => {
    const memory = new StateMemory(8192);
    const state = memory.state();
    const map = state.map('m');
    const fill = (): void => {
      for (let i = 0; ; i++) map.set(`key${i}`, 'x'.repeat(200), { ttlMs: 10 });
    };
    expect(fill).toThrow(SharedMemoryFullError);
    let last = '';
    const fillRest = (): void => {
      for (let i = 0; ; i++) {
        last = `n${i}`;
        state.counter(last);
      }
    };
    expect(fillRest).toThrow(SharedMemoryFullError);
    memory.nowMs += 10;
    expect(state.counter(last).add()).toBe(1);
    // Also from a loop that has never used the map.
    expect(memory.state(2).counter('newer').add()).toBe(1);
  });
});

describe('attaching', () => {
  it.each([StateHeaderWord.magic, StateHeaderWord.version])(
    'refuses memory that is something else',
    (word) => {
      const memory = SharedState.create(4096);
      new SharedState(memory, 1);
      new Uint32Array(memory)[word] = LAYOUT_VERSION + 1;
      expect(() => new SharedState(memory, 1)).toThrow(/another layout/);
    },
  );

  it('refuses memory that is shorter than its header says', () => {
    const memory = SharedState.create(4096);
    const half = new SharedArrayBuffer(2048);
    new Uint8Array(half).set(new Uint8Array(memory, 0, 2048));
    expect(() => new SharedState(half, 1)).toThrow(/shorter/);
  });

  it('has another hash key in every state', () => {
    const keys = Array.from({ length: 4 }, () => {
      const words = new Uint32Array(SharedState.create(4096));
      return `${words[StateHeaderWord.key0]} ${words[StateHeaderWord.key1]}`;
    });
    expect(new Set(keys).size).toBe(4);
  });
});
