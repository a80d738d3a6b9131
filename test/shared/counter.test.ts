import { describe, expect, it } from 'vitest';
import type { SharedCounter } from '../../src/shared/shared.ts';
import { SharedState } from '../../src/shared/state.ts';
import { crew } from '../harness/crew.ts';
import { StateMemory } from '../harness/state-memory.ts';

const MAX = Number.MAX_SAFE_INTEGER;
const THREADS = 8;
const TIMES = 1_000_000;

const newCounter = (): SharedCounter => new StateMemory(4096).state().counter('c');

describe('a counter', () => {
  it('starts at 0, and adds 1 when it is not told how much', () => {
    const counter = newCounter();
    expect(counter.get()).toBe(0);
    expect(counter.add()).toBe(1);
    expect(counter.add(5)).toBe(6);
    expect(counter.add(-10)).toBe(-4);
    expect(counter.add(0)).toBe(-4);
    expect(counter.get()).toBe(-4);
  });

  it('is set', () => {
    const counter = newCounter();
    for (const n of [1, -1, 2 ** 32, -(2 ** 32) - 1, MAX, -MAX, 0]) {
      counter.set(n);
      expect(counter.get()).toBe(n);
    }
  });

  it('is exchanged only when it is at what was expected', () => {
    const counter = newCounter();
    counter.set(5);
    expect(counter.compareExchange(4, 9)).toBe(5);
    expect(counter.get()).toBe(5);
    expect(counter.compareExchange(5, -MAX)).toBe(5);
    expect(counter.get()).toBe(-MAX);
  });

  it('adds exactly over its whole range', () => {
    const counter = newCounter();
    for (const start of [0, 2 ** 31, 2 ** 32 - 1, 2 ** 52 - 1, 2 ** 52, -(2 ** 52), MAX - 2 ** 33, 1 - MAX]) {
      for (const n of [1, -1, 2 ** 31, -(2 ** 31), 2 ** 31 + 1, 2 ** 33, -(2 ** 40)]) {
        if (!Number.isSafeInteger(start + n)) continue;
        counter.set(start);
        expect(counter.add(n)).toBe(start + n);
        expect(counter.get()).toBe(start + n);
      }
    }
    counter.set(-MAX);
    expect(counter.add(MAX)).toBe(0);
  });

  it.each([
    [MAX, 1],
    [MAX - 5, 6],
    [-MAX, -1],
    [1, MAX],
    [-1, -MAX],
    [2 ** 52, 2 ** 52],
    [MAX, MAX],
  ])('refuses to leave its range, and stays, when it is at %i and %i is added', (start, n) => {
    const counter = newCounter();
    counter.set(start);
    expect(() => counter.add(n)).toThrow(RangeError);
    expect(() => counter.add(n)).toThrow(`counter "c": ${start} plus ${n}`);
    expect(counter.get()).toBe(start);
  });

  it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, MAX + 1, -MAX - 1, '1', null, 1n, {}])(
    'refuses %s, and stays',
    (value) => {
      const counter = newCounter();
      counter.set(3);
      const n = value as number;
      const calls = [
        () => counter.add(n),
        () => counter.set(n),
        () => counter.compareExchange(n, 1),
        () => counter.compareExchange(3, n),
      ];
      for (const call of calls) {
        expect(call).toThrow(RangeError);
        expect(call).toThrow(`counter "c": ${String(value)} is not an integer`);
      }
      expect(counter.get()).toBe(3);
    },
  );

  it('takes one block and what its name takes', () => {
    const memory = new StateMemory(4096);
    memory.state().counter('c');
    expect(memory.usedBlocks).toBe(2);
    expect(memory.lostBlocks()).toBe(0);
  });

  it('has a cache line of its own', () => {
    const memory = new StateMemory(4096);
    const state = memory.state();
    const [first, second] = [state.counter('a'), state.counter('b')];
    const line = (counter: SharedCounter): number => {
      const before = new Uint8Array(memory.memory).slice();
      counter.add(0x1f_1f);
      const after = new Uint8Array(memory.memory);
      return Math.floor(before.findIndex((byte, index) => byte !== after[index]) / 64);
    };
    expect(line(first)).not.toBe(line(second));
  });
});

describe('a counter of several threads', () => {
  const newMemory = (): SharedArrayBuffer => SharedState.create(4096);
  const hits = (memory: SharedArrayBuffer): SharedCounter => new SharedState(memory, 99).counter('hits');

  it('loses no add', async () => {
    const memory = newMemory();
    await crew('shared-counter-thread.js', THREADS, { memory, job: 'add', times: TIMES });
    expect(hits(memory).get()).toBe(THREADS * TIMES);
  });

  it.each([1, -3, 2 ** 32])('gives every sum to one thread only, in steps of %i', async (step) => {
    const memory = newMemory();
    const times = 20_000;
    const results = await crew<{ seen: number[] }>('shared-counter-thread.js', 4, {
      memory,
      job: 'ticket',
      times,
      step,
    });
    const seen = results.flatMap((result) => result.seen).sort((a, b) => (a - b) * Math.sign(step));
    expect(seen).toEqual(Array.from({ length: 4 * times }, (_, index) => (index + 1) * step));
  });

  it('loses no exchange', async () => {
    const memory = newMemory();
    await crew('shared-counter-thread.js', 4, { memory, job: 'exchange', times: 20_000 });
    expect(hits(memory).get()).toBe(80_000);
  });

  it('stops exactly at the end of its range', async () => {
    const memory = newMemory();
    hits(memory).set(MAX - 30_000);
    const results = await crew<{ refused: number }>('shared-counter-thread.js', 4, {
      memory,
      job: 'end',
      times: 10_000,
      step: 1,
    });
    expect(hits(memory).get()).toBe(MAX);
    expect(results.reduce((sum, { refused }) => sum + refused, 0)).toBe(10_000);
  });
});
