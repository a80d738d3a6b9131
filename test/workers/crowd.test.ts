import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Crowd, PLACE } from '../../src/workers/crowd.ts';

interface Person {
  readonly name: number;
  [PLACE]: number;
}
const person = (name: number): Person => ({ name, [PLACE]: 0 });
const names = (crowd: Iterable<Person>): number[] => [...crowd].map(({ name }) => name).sort((a, b) => a - b);

function crowdOf(count: number): { crowd: Crowd<Person>; all: Person[] } {
  const crowd = new Crowd<Person>();
  const all = Array.from({ length: count }, (_, name) => person(name));
  for (const one of all) crowd.add(one);
  return { crowd, all };
}

describe('a crowd', () => {
  it('holds what a set would hold, whoever comes and goes', () => {
    const step = fc.record({ comes: fc.boolean(), who: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const everybody = Array.from({ length: 10 }, (_, name) => person(name));
        const crowd = new Crowd<Person>();
        const model = new Set<Person>();
        for (const { comes, who } of steps) {
          const one = everybody[who] as Person;
          if (!comes) {
            crowd.delete(one);
            model.delete(one);
          } else if (!model.has(one)) {
            crowd.add(one);
            model.add(one);
          }
          expect(crowd.size).toBe(model.size);
          expect(names(crowd)).toEqual(names(model));
        }
      }),
    );
  });

  it('stays as it is when somebody leaves who is not in it', () => {
    const { crowd } = crowdOf(2);
    crowd.delete(person(0));
    crowd.delete({ name: 7, [PLACE]: -1 });
    expect(names(crowd)).toEqual([0, 1]);
  });

  it('shows each once when each leaves as it is shown', () => {
    const { crowd } = crowdOf(5);
    const shown: number[] = [];
    for (const one of crowd) {
      shown.push(one.name);
      crowd.delete(one);
    }
    expect(shown).toEqual([4, 3, 2, 1, 0]);
    expect(crowd.size).toBe(0);
  });

  it('leaves out nobody who stays when others leave and come while it is gone through', () => {
    const { crowd, all } = crowdOf(6);
    const shown = new Set<number>();
    for (const one of crowd) {
      shown.add(one.name);
      if (one.name !== 4 || crowd.size < 6) continue;
      for (const gone of [0, 2, 5]) crowd.delete(all[gone] as Person);
      crowd.add(person(9));
    }
    expect(names(crowd)).toEqual([1, 3, 4, 9]);
    for (const stayed of [1, 3, 4]) expect(shown).toContain(stayed);
    for (const gone of [0, 2]) expect(shown).not.toContain(gone);
  });

  it('ends when it is emptied while it is gone through', () => {
    const { crowd, all } = crowdOf(4);
    let shown = 0;
    for (const _ of crowd) {
      shown++;
      for (const one of all) crowd.delete(one);
    }
    expect(shown).toBe(1);
  });
});

describe('a round', () => {
  it('asks each who was there when it began and stays until asked, once, whoever else comes and goes', () => {
    const step = fc.record({ what: fc.constantFrom('ask', 'come', 'go'), who: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { crowd, all } = crowdOf(8);
        const there = new Set(all);
        const toAsk = new Set(all);
        crowd.beginRound();
        for (const { what, who } of steps) {
          const one = [...there][who % Math.max(1, there.size)];
          if (what === 'come') {
            const newcomer = person(100 + who);
            crowd.add(newcomer);
            there.add(newcomer);
          } else if (what === 'go' && one !== undefined) {
            crowd.delete(one);
            there.delete(one);
            toAsk.delete(one);
          } else if (what === 'ask') {
            const asked = crowd.nextInRound();
            expect(asked === undefined).toBe(toAsk.size === 0);
            if (asked !== undefined) expect(toAsk.delete(asked)).toBe(true);
          }
          expect(names(crowd)).toEqual(names(there));
        }
        for (let asked = crowd.nextInRound(); asked !== undefined; asked = crowd.nextInRound())
          expect(toAsk.delete(asked)).toBe(true);
        expect(toAsk.size).toBe(0);
      }),
    );
  });

  it('asks those who have come in the next one', () => {
    const { crowd } = crowdOf(1);
    crowd.beginRound();
    const newcomer = person(9);
    crowd.add(newcomer);
    expect(crowd.nextInRound()?.name).toBe(0);
    expect(crowd.nextInRound()).toBeUndefined();
    crowd.beginRound();
    expect(crowd.nextInRound()).toBe(newcomer);
  });
});
