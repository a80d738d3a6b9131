import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Crowd } from '../../src/workers/crowd.ts';

interface Person {
  readonly name: number;
  place: number;
}
const person = (name: number): Person => ({ name, place: 0 });
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
    crowd.delete({ name: 7, place: -1 });
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
