import { beforeEach, expect, it, vi } from 'vitest';
import { heapTrim, youngBytes } from '../../src/workers/heap-trim.ts';

const MIB = 1024 * 1024;
const LOOKS = 30;
const BUSY = 0.5;
const QUIET = 0.01;

/** Makes objects that survive, until V8 has made room for them. */
function growYoungSpace(): void {
  const kept: unknown[] = [];
  while (youngBytes() <= 6 * MIB) {
    for (let i = 0; i < 10_000; i++) kept.push({ number: i, next: kept[kept.length - 1] });
  }
}

let collections: number;
let look: (utilization: number, times: number) => void;

beforeEach(() => {
  growYoungSpace();
  collections = 0;
  const trim = heapTrim(() => collections++);
  look = (utilization, times) => {
    for (let i = 0; i < times; i++) trim(utilization);
  };
});

it('shrinks the space for new objects once the thread is quiet', async () => {
  const before = youngBytes();
  // V8 shrinks nothing while it remembers that much was made of late.
  await vi.waitFor(
    () => {
      const trim = heapTrim();
      for (let i = 0; i < LOOKS; i++) trim(QUIET);
      expect(youngBytes()).toBeLessThan(before / 2);
    },
    { timeout: 10_000, interval: 500 },
  );
});

it('shows the collector to nobody', () => {
  const trim = heapTrim();
  for (let i = 0; i < LOOKS; i++) trim(QUIET);
  expect('gc' in globalThis).toBe(false);
});

it('collects nothing while the thread is busy', () => {
  look(BUSY, 10 * LOOKS);
  expect(collections).toBe(0);
});

it('takes no notice of a short work in between', () => {
  look(QUIET, LOOKS - 1);
  expect(collections).toBe(0);
  look(BUSY, 1);
  expect(collections).toBe(1);
});

it('collects nothing while the thread is busy for a quarter of the time', () => {
  for (let i = 0; i < 10 * LOOKS; i++) look(i % 2 ? BUSY : 0, 1);
  expect(collections).toBe(0);
});

it('collects four times, because the first ones shrink nothing yet, and no more, also when nothing became free', () => {
  look(QUIET, 10 * LOOKS);
  expect(collections).toBe(4);
});

it('goes on without a collection when another thread has taken the collector away meanwhile', async () => {
  vi.resetModules();
  vi.doMock('node:v8', async () => ({
    ...(await vi.importActual<typeof import('node:v8')>('node:v8')),
    setFlagsFromString: () => {},
  }));
  const { heapTrim: trimWithout } = await import('../../src/workers/heap-trim.ts');
  vi.doUnmock('node:v8');
  const trim = trimWithout();
  for (let i = 0; i < 5 * LOOKS; i++) trim(QUIET);
});
