import { describe, expect, it } from 'vitest';
import { SharedMemoryFullError } from '../../src/errors.ts';
import type { RateLimit, SharedRateLimiter } from '../../src/shared/shared.ts';
import { StateMemory } from '../harness/state-memory.ts';

function newLimiter(settings: RateLimit): {
  memory: StateMemory;
  limiter: SharedRateLimiter;
  other: SharedRateLimiter;
} {
  const memory = new StateMemory();
  return {
    memory,
    limiter: memory.state(1).rateLimiter('r', settings),
    other: memory.state(2).rateLimiter('r', settings),
  };
}

/** Takes that are allowed at this moment, tried so many times. */
const allowed = (limiter: SharedRateLimiter, times: number, key = 'key'): number => {
  let count = 0;
  for (let i = 0; i < times; i++) if (limiter.take(key).allowed) count++;
  return count;
};

describe('a limit', () => {
  it('allows the first takes of a key at once, on whatever loop, and then no more', () => {
    const { limiter, other } = newLimiter({ limit: 3, windowMs: 1000 });
    expect(limiter.take('key')).toEqual({ allowed: true, remaining: 2, retryAfterMs: 0 });
    expect(other.take('key')).toEqual({ allowed: true, remaining: 1, retryAfterMs: 0 });
    expect(limiter.take('key')).toEqual({ allowed: true, remaining: 0, retryAfterMs: 0 });
    expect(other.take('key')).toEqual({ allowed: false, remaining: 0, retryAfterMs: 1000 });
  });

  it('is one budget for each key', () => {
    const { limiter } = newLimiter({ limit: 1, windowMs: 1000 });
    for (const key of ['a', 'b', '', 'ä', '\ud800', '\ud801', 'x'.repeat(10_000)]) {
      expect(allowed(limiter, 3, key)).toBe(1);
    }
  });

  it('has a take free again when its window is over, not before', () => {
    const { memory, limiter } = newLimiter({ limit: 2, windowMs: 100 });
    limiter.take('key');
    memory.nowMs += 30;
    limiter.take('key');
    memory.nowMs += 69.999;
    expect(limiter.take('key')).toEqual({ allowed: false, remaining: 0, retryAfterMs: 1 });
    memory.nowMs += 0.001;
    expect(limiter.take('key')).toEqual({ allowed: true, remaining: 0, retryAfterMs: 0 });
    expect(limiter.take('key').retryAfterMs).toBe(30);
    memory.nowMs += 30;
    expect(allowed(limiter, 5)).toBe(1);
  });

  it('counts a cost as so many takes', () => {
    const { memory, limiter } = newLimiter({ limit: 10, windowMs: 100 });
    expect(limiter.take('key', 4).remaining).toBe(6);
    memory.nowMs += 10;
    expect(limiter.take('key', 5).remaining).toBe(1);
    expect(limiter.take('key', 2)).toEqual({ allowed: false, remaining: 1, retryAfterMs: 90 });
    expect(limiter.take('key', 6)).toEqual({ allowed: false, remaining: 1, retryAfterMs: 100 });
    expect(limiter.take('key', 1).allowed).toBe(true);
  });

  it('takes nothing when the cost is 0', () => {
    const { memory, limiter } = newLimiter({ limit: 2, windowMs: 100 });
    const { usedBlocks } = memory;
    expect(limiter.take('key', 0)).toEqual({ allowed: true, remaining: 2, retryAfterMs: 0 });
    expect(memory.usedBlocks).toBe(usedBlocks);
    limiter.take('key', 2);
    expect(limiter.take('key', 0)).toEqual({ allowed: true, remaining: 0, retryAfterMs: 0 });
  });

  it('never allows a cost above it', () => {
    const { limiter } = newLimiter({ limit: 2, windowMs: 100 });
    const refused = { allowed: false, remaining: 2, retryAfterMs: Number.POSITIVE_INFINITY };
    expect(limiter.take('key', 3)).toEqual(refused);
    expect(limiter.take('key', Number.MAX_SAFE_INTEGER)).toEqual(refused);
    limiter.take('key');
    expect(limiter.take('key', 3)).toEqual({ ...refused, remaining: 1 });
  });

  it('holds for the largest limit and the shortest window', () => {
    const limit = 2 ** 31 - 1;
    const { memory, limiter } = newLimiter({ limit, windowMs: 1 });
    expect(limiter.take('key', limit).remaining).toBe(0);
    expect(limiter.take('key')).toEqual({ allowed: false, remaining: 0, retryAfterMs: 1 });
    memory.nowMs += 1;
    expect(limiter.take('key', limit).allowed).toBe(true);
  });
});

describe('a key that is closed', () => {
  it('is known as such on every loop, and opens on every loop when the time has come', () => {
    const { memory, limiter, other } = newLimiter({ limit: 2, windowMs: 100 });
    limiter.take('key');
    memory.nowMs += 40;
    other.take('key');
    for (const { nowMs, retryAfterMs } of [
      { nowMs: memory.nowMs, retryAfterMs: 60 },
      { nowMs: memory.nowMs + 59, retryAfterMs: 1 },
    ]) {
      memory.nowMs = nowMs;
      for (const one of [limiter, other, limiter]) {
        expect(one.take('key')).toEqual({ allowed: false, remaining: 0, retryAfterMs });
        expect(one.take('key', 2).retryAfterMs).toBe(retryAfterMs + 40);
        expect(one.take('key', 0).remaining).toBe(0);
      }
    }
    memory.nowMs += 1;
    expect(other.take('key').allowed).toBe(true);
    expect(limiter.take('key')).toEqual({ allowed: false, remaining: 0, retryAfterMs: 40 });
  });

  it('is not confused with others when there are many', () => {
    const { memory, limiter } = newLimiter({ limit: 1, windowMs: 1000 });
    for (let i = 0; i < 1000; i++) {
      expect(limiter.take(`key${i}`).allowed).toBe(true);
      expect(limiter.take(`key${i}`).allowed).toBe(false);
    }
    for (let i = 0; i < 1000; i++) expect(limiter.take(`key${i}`).allowed).toBe(false);
    memory.nowMs += 1000;
    for (let i = 0; i < 1000; i++) expect(limiter.take(`key${i}`).allowed).toBe(true);
  });
});

describe('a burst', () => {
  it('allows so many takes at once, and then one for each part of the window', () => {
    const { memory, limiter } = newLimiter({ limit: 10, windowMs: 1000, burst: 3 });
    expect(limiter.take('key')).toEqual({ allowed: true, remaining: 2, retryAfterMs: 0 });
    expect(allowed(limiter, 5)).toBe(2);
    expect(limiter.take('key')).toEqual({ allowed: false, remaining: 0, retryAfterMs: 100 });
    memory.nowMs += 99;
    expect(limiter.take('key')).toEqual({ allowed: false, remaining: 0, retryAfterMs: 1 });
    memory.nowMs += 1;
    expect(allowed(limiter, 5)).toBe(1);
    memory.nowMs += 250;
    expect(allowed(limiter, 5)).toBe(2);
  });

  it('is never more than the limit in one window', () => {
    const { memory, limiter } = newLimiter({ limit: 10, windowMs: 1000, burst: 10 });
    expect(allowed(limiter, 20)).toBe(10);
    for (let ms = 0; ms < 999; ms++) {
      memory.nowMs += 1;
      expect(limiter.take('key').allowed).toBe(false);
    }
    expect(limiter.take('key').retryAfterMs).toBe(1);
    memory.nowMs += 1;
    expect(allowed(limiter, 20)).toBe(10);
  });

  it('above the limit is allowed at once, and then only the spread holds', () => {
    const { memory, limiter } = newLimiter({ limit: 10, windowMs: 1000, burst: 30 });
    expect(allowed(limiter, 50)).toBe(30);
    expect(limiter.take('key').retryAfterMs).toBe(100);
    memory.nowMs += 1000;
    expect(allowed(limiter, 50)).toBe(10);
    expect(limiter.take('key', 31).retryAfterMs).toBe(Number.POSITIVE_INFINITY);
    expect(limiter.take('key', 30).retryAfterMs).toBe(3000);
  });

  it('never allows a cost above it', () => {
    const { limiter } = newLimiter({ limit: 10, windowMs: 1000, burst: 3 });
    expect(limiter.take('key', 4)).toEqual({
      allowed: false,
      remaining: 3,
      retryAfterMs: Number.POSITIVE_INFINITY,
    });
    expect(limiter.take('key', 3).allowed).toBe(true);
    expect(limiter.take('key', 2).retryAfterMs).toBe(200);
  });
});

describe('arguments', () => {
  it.each([
    [{ limit: 0, windowMs: 1000 }, 'limit'],
    [{ limit: 1.5, windowMs: 1000 }, 'limit'],
    [{ limit: 2 ** 31, windowMs: 1000 }, 'limit'],
    [{ limit: Number.NaN, windowMs: 1000 }, 'limit'],
    [{ limit: '5' as unknown as number, windowMs: 1000 }, 'limit'],
    [{ limit: 5, windowMs: 0 }, 'windowMs'],
    [{ limit: 5, windowMs: 0.5 }, 'windowMs'],
    [{ limit: 5, windowMs: Number.POSITIVE_INFINITY }, 'windowMs'],
    [{ limit: 5, windowMs: undefined as unknown as number }, 'windowMs'],
    [{ limit: 5, windowMs: 1000, burst: 0 }, 'burst'],
    [{ limit: 5, windowMs: 1000, burst: 2 ** 31 }, 'burst'],
    [{ limit: 5, windowMs: 1000, burst: 2.5 }, 'burst'],
  ])('throw a RangeError that names the setting when it is invalid: %j', (settings, name) => {
    const memory = new StateMemory();
    expect(() => memory.state().rateLimiter('r', settings)).toThrow(RangeError);
    expect(() => memory.state().rateLimiter('r', settings)).toThrow(`rateLimiter "r": ${name} is`);
    expect(memory.usedBlocks).toBe(0);
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null])(
    'throw a RangeError, and take nothing, when the cost is %s',
    (cost) => {
      const { limiter } = newLimiter({ limit: 2, windowMs: 1000 });
      expect(() => limiter.take('key', cost as number)).toThrow(RangeError);
      expect(() => limiter.take('key', cost as number)).toThrow('rateLimiter "r": a cost is');
      expect(allowed(limiter, 5)).toBe(2);
    },
  );

  it.each([undefined, null, 7, {}, Symbol('x')])('throw a TypeError when the key is %s', (key) => {
    const { limiter } = newLimiter({ limit: 2, windowMs: 1000 });
    expect(() => limiter.take(key as unknown as string)).toThrow(TypeError);
  });
});

describe('the room of keys', () => {
  it('is given back when their windows are over, whatever keys come', () => {
    const memory = new StateMemory(2 ** 22);
    const limiter = memory.state().rateLimiter('r', { limit: 5, windowMs: 1000 });
    let most = 0;
    let first = 0;
    for (let i = 0; i < 20_000; i++, memory.nowMs++) {
      limiter.take(`client ${i}`, 1 + (i % 5));
      if (i === 1000) first = memory.usedBlocks;
      most = Math.max(most, memory.usedBlocks);
    }
    expect(most).toBeLessThan(2.1 * first);
    expect(memory.lostBlocks()).toBe(0);
  });

  it.each([
    [{ limit: 5, windowMs: 1000 }],
    [{ limit: 5, windowMs: 1000, burst: 2 }],
    [{ limit: 5, windowMs: 1000, burst: 10 }],
    [{ limit: 1000, windowMs: 1000 }],
  ])('comes to nothing in the end with %j', (settings) => {
    const memory = new StateMemory();
    const limiter = memory.state().rateLimiter('r', settings);
    const { usedBlocks } = memory;
    for (let i = 0; i < 3000; i++, memory.nowMs += 0.7) limiter.take(`client ${i % 17}`);
    expect(memory.usedBlocks).toBeGreaterThan(usedBlocks);
    expect(memory.lostBlocks()).toBe(0);
    memory.nowMs += 10_000;
    // A sweep for each new key: enough of them meet every old one.
    for (let i = 0; i < 20; i++) limiter.take('new', 1);
    for (let i = 0; i < 20; i++, memory.nowMs += 10_000) limiter.take(`newer ${i}`);
    expect(memory.usedBlocks).toBeLessThan(usedBlocks + 10);
    expect(memory.lostBlocks()).toBe(0);
  });

  it('is at most some blocks for a key, however many takes it has', () => {
    const { memory, limiter } = newLimiter({ limit: 1_000_000, windowMs: 1000 });
    const { usedBlocks } = memory;
    for (let i = 0; i < 200_000; i++, memory.nowMs += 0.01) limiter.take('key');
    expect(memory.usedBlocks - usedBlocks).toBeLessThanOrEqual(1 + 53);
  });

  it('is refused by an error when there is none, and nothing is counted', () => {
    const memory = new StateMemory(16 * 1024);
    const limiter = memory.state().rateLimiter('r', { limit: 1000, windowMs: 1000 });
    let keys = 0;
    const fill = (): void => {
      for (; ; keys++) limiter.take(`client ${keys}`);
    };
    expect(fill).toThrow(SharedMemoryFullError);
    expect(fill).toThrow(/rateLimiter "r".*stateBytes.*16384/);
    expect(memory.lostBlocks()).toBe(0);
    memory.nowMs += 1000;
    for (let i = 0; i < keys / 2; i++) expect(limiter.take(`again ${i}`).remaining).toBe(999);
  });

  it('is not needed for more takes of a key: without it they count too much, and never too little', () => {
    const memory = new StateMemory(16 * 1024);
    const limiter = memory.state().rateLimiter('r', { limit: 1000, windowMs: 1000 });
    limiter.take('key');
    memory.useUp();
    memory.nowMs += 900;
    expect(allowed(limiter, 2000)).toBe(999);
    memory.nowMs += 100;
    // The first take is over, but it is one run with those that followed.
    expect(limiter.take('key')).toEqual({ allowed: false, remaining: 0, retryAfterMs: 900 });
    memory.nowMs += 900;
    expect(limiter.take('key').remaining).toBe(999);
    expect(memory.lostBlocks()).toBe(0);
  });

  it('is had from what has expired in a map', () => {
    const memory = new StateMemory(16 * 1024);
    const map = memory.state().map('m');
    const limiter = memory.state().rateLimiter('r', { limit: 5, windowMs: 1000 });
    const fill = (): void => {
      for (let i = 0; ; i++) map.set(`key${i}`, 'x'.repeat(100), { ttlMs: 10 });
    };
    expect(fill).toThrow(SharedMemoryFullError);
    const fillRest = (): void => {
      for (let i = 0; ; i++) map.set(`rest${i}`, '', { ttlMs: 10 });
    };
    expect(fillRest).toThrow(SharedMemoryFullError);
    memory.nowMs += 10;
    for (let i = 0; i < 50; i++) expect(limiter.take(`client ${i}`).allowed).toBe(true);
    expect(memory.lostBlocks()).toBe(0);
  });
});
