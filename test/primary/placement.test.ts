/** The rule by itself: which loops may take connections, given what each holds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LoopLoad, mayTake } from '../../src/primary/placement.ts';

const load: fc.Arbitrary<LoopLoad> = fc.record({ sockets: fc.nat(5000), recent: fc.nat(200) });
const loads = fc.array(load, { minLength: 1, maxLength: 256 });
/** No connection has arrived lately. */
const calm = fc.array(fc.nat(5000), { minLength: 1, maxLength: 256 });

const atRest = (sockets: number[]): LoopLoad[] => sockets.map((count) => ({ sockets: count, recent: 0 }));

describe('the loops that may take connections', () => {
  it('are answered for each loop, in order, and nothing is changed', () => {
    fc.assert(
      fc.property(loads, (given) => {
        const frozen = Object.freeze(given.map((item) => Object.freeze({ ...item })));
        const answer = mayTake(frozen);
        expect(answer).toHaveLength(given.length);
        expect(mayTake(frozen)).toEqual(answer);
        expect(mayTake(given.toReversed())).toEqual(answer.toReversed());
      }),
    );
  });

  it('always have the emptiest among them, so are never none', () => {
    fc.assert(
      fc.property(loads, (given) => {
        const emptiest = Math.min(...given.map(({ sockets }) => sockets));
        const answer = mayTake(given);
        for (const [index, { sockets }] of given.entries())
          if (sockets === emptiest) expect(answer[index]).toBe(true);
        expect(answer).toContain(true);
      }),
    );
  });

  it('have every loop that holds no more than one of them', () => {
    fc.assert(
      fc.property(loads, (given) => {
        const answer = mayTake(given);
        const fullest = Math.max(...given.filter((_, index) => answer[index]).map(({ sockets }) => sockets));
        for (const [index, { sockets }] of given.entries()) expect(answer[index]).toBe(sockets <= fullest);
      }),
    );
  });

  it('are all when it is calm and they are even', () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.array(fc.nat(1), { minLength: 1, maxLength: 256 }), (base, ahead) => {
        const answer = mayTake(atRest(ahead.map((one) => base + one)));
        expect(answer).not.toContain(false);
      }),
    );
  });

  it('are those at most one ahead of the emptiest when it is calm', () => {
    fc.assert(
      fc.property(calm, (sockets) => {
        const emptiest = Math.min(...sockets);
        expect(mayTake(atRest(sockets))).toEqual(sockets.map((count) => count <= emptiest + 1));
      }),
    );
  });

  it('are never fewer when more has arrived lately', () => {
    fc.assert(
      fc.property(loads, fc.nat(255), fc.integer({ min: 1, max: 100 }), (given, at, more) => {
        const busier = given.map((item, index) =>
          index === at % given.length ? { ...item, recent: item.recent + more } : item,
        );
        const [before, after] = [mayTake(given), mayTake(busier)];
        for (const [index, may] of before.entries()) if (may) expect(after[index]).toBe(true);
      }),
    );
  });

  it('are all when a rush is larger than the difference between them', () => {
    expect(
      mayTake([
        { sockets: 100, recent: 50 },
        { sockets: 0, recent: 50 },
      ]),
    ).toEqual([true, true]);
  });

  it('are none when there is no loop', () => {
    expect(mayTake([])).toEqual([]);
  });
});
