import { describe, expect, it } from 'vitest';
import { Admissions, type ConnectionLimits } from '../../src/shared/admissions.ts';
import { crew } from '../harness/crew.ts';

const THREADS = 8;
const LIMIT = 10;

function start(limits: ConnectionLimits): { memory: SharedArrayBuffer; primary: Admissions } {
  const memory = Admissions.create(THREADS + 1, limits);
  return { memory, primary: new Admissions(memory, THREADS, limits) };
}

const insideOf = (limits: ConnectionLimits, memory: SharedArrayBuffer, work: object): Promise<string[][]> =>
  crew<string[]>('shared-admissions-thread.js', THREADS, { memory, limits, ...work });

describe('admissions of many threads at once', () => {
  it.each([
    ['of one address', { maxConnections: 0, maxConnectionsPerIp: LIMIT }],
    ['in total', { maxConnections: LIMIT, maxConnectionsPerIp: 0 }],
  ])(
    'let in exactly as many as the limit says, and as many again when those have left: %s',
    async (_, limits) => {
      const { memory, primary } = start(limits);
      const work = { attempts: 1000, addresses: ['10.0.0.1'] };
      for (let again = 0; again < 2; again++) {
        const inside = await insideOf(limits, memory, work);
        expect(inside.flat()).toHaveLength(LIMIT);
        // They are gone without a word, as threads that were ended.
        for (let seat = 0; seat < THREADS; seat++) primary.forgetSeat(seat);
        expect([primary.count(), primary.count('10.0.0.1')]).toEqual([0, 0]);
      }
    },
  );

  it('count right whatever they do, and never above a limit, also when some of them end', async () => {
    const limits = { maxConnections: 40, maxConnectionsPerIp: LIMIT };
    const { memory, primary } = start(limits);
    const addresses = Array.from({ length: 6 }, (_, n) => `10.0.0.${n}`);
    const exits = [2, 5];
    const inside = await insideOf(limits, memory, { rounds: 100_000, addresses, exits });
    const count = (held: readonly string[][], address: string): number =>
      held.flat().filter((one) => one === address).length;
    const expectCounts = (held: readonly string[][]): void => {
      expect(primary.count()).toBe(held.flat().length);
      for (const address of addresses) expect(primary.count(address)).toBe(count(held, address));
    };
    expectCounts(inside);
    expect(inside.flat().length).toBeLessThanOrEqual(limits.maxConnections);
    for (const address of addresses) expect(count(inside, address)).toBeLessThanOrEqual(LIMIT);
    for (const holder of exits) primary.forgetSeat(holder - 1);
    expectCounts(inside.map((held, index) => (exits.includes(index + 1) ? [] : held)));
  });
});
