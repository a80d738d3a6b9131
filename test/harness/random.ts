/** Random numbers that come again with the same seed: mulberry32 by T. Ettinger, public domain. */
export type Random = (below: number) => number;

export function seededRandom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** A seed for this run, printed so that the run can be had again: `POLYLOOP_SEED=<seed>`. */
export function runSeed(): number {
  const seed = Number(process.env.POLYLOOP_SEED ?? Date.now() % 2 ** 31);
  console.log(`POLYLOOP_SEED=${seed}`);
  return seed;
}
