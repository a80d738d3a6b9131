import { expect, it } from 'vitest';
import { crew } from '../harness/crew.ts';
import { Random, StateMemory } from '../harness/state-memory.ts';

const THREADS = 4;
const STRESS = process.env.POLYLOOP_STRESS === '1';
const TIMES = STRESS ? 3_000_000 : 30_000;
const TIMEOUT_MS = STRESS ? 600_000 : 30_000;

it.each<[string, number]>([
  ['room for all', 2 ** 20],
  ['too little room', 32 * 1024],
])(
  'lets threads with things of their own share a heap with %s, and loses no block',
  async (_, byteLength) => {
    const { seed } = new Random();
    const memory = new StateMemory(byteLength);
    const results = await crew<{ wrong: string[]; refused: number }>('shared-heap-thread.js', THREADS, {
      memory: memory.memory,
      times: TIMES,
      seed,
    });
    expect(
      results.map(({ wrong }) => wrong),
      `seed ${seed}`,
    ).toEqual(results.map(() => []));
    const refused = results.reduce((sum, { refused }) => sum + refused, 0);
    expect(refused > 0, `refused for want of room: ${refused}`).toBe(byteLength < 2 ** 20);
    expect(memory.lostBlocks(), `seed ${seed}`).toBe(0);
  },
  TIMEOUT_MS,
);
