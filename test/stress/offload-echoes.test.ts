/**
 * What a stream of CPU-heavy tasks does to the echoes of the same loops: run on the loops, and run by offload workers. Times are printed
 * always, and judged in the long run only: a shared machine may do anything for a second.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OffloadEchoes } from '../harness/offload-echoes.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const LOOPS = 2;
const CONNECTIONS = IS_LONG ? 500 : 50;
const ECHOES_PER_SECOND = IS_LONG ? 1000 : 200;
const PHASE_MS = IS_LONG ? 4000 : 500;
const ROUNDS = IS_LONG ? 7 : 1;
const TIMEOUT_MS = 180_000;

let load: OffloadEchoes;

beforeEach(async () => {
  load = await OffloadEchoes.start(LOOPS, CONNECTIONS, ECHOES_PER_SECOND);
}, TIMEOUT_MS);

afterEach(async () => {
  expect(await load.close()).toEqual({ code: 0, signal: null });
});

async function measure(name: string, where?: 'inline' | 'offload'): Promise<number> {
  const { p50, p99, max, echoes, tasks, lagMax } = await load.measure(PHASE_MS, where);
  const [low, high, highest] = [p50, p99, max].map((ms) => ms.toFixed(2));
  console.log(
    `${name}: p50 ${low} p99 ${high} max ${highest} ms of ${echoes} echoes, ${tasks} tasks, loop lag up to ${lagMax} ms`,
  );
  return p99;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

test(
  'keeps echoes quick when tasks are offloaded, and does not when they run on the loops',
  async () => {
    await load.measure(PHASE_MS);
    const p99 = { idle: [] as number[], offloaded: [] as number[], inline: [] as number[] };
    // In turns: what else the machine does hits all three.
    for (let round = 0; round < ROUNDS; round++) {
      p99.idle.push(await measure('idle'));
      p99.offloaded.push(await measure('with tasks offloaded', 'offload'));
      p99.inline.push(await measure('with tasks on the loops', 'inline'));
    }
    const [idle, offloaded, inline] = [p99.idle, p99.offloaded, p99.inline].map(median) as [
      number,
      number,
      number,
    ];
    console.log(
      `median p99 of ${ROUNDS} rounds: idle ${idle} offloaded ${offloaded} on the loops ${inline} ms`,
    );
    expect(Math.min(idle, offloaded, inline)).toBeGreaterThan(0);
    if (!IS_LONG) return;
    expect(offloaded).toBeLessThan(3 * idle);
    expect(inline).toBeGreaterThan(3 * idle);
  },
  TIMEOUT_MS,
);
