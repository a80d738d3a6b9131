import { beforeEach, expect, it } from 'vitest';
import { ControlBlock } from '../../src/shared/control-block.ts';
import type { LoopSlot } from '../../src/shared/loop-slot.ts';
import { BacklogSurvey } from '../../src/workers/backlog-survey.ts';
import { Crowd, type CrowdMember, PLACE } from '../../src/workers/crowd.ts';

const KIB = 1024;
/** More than one look asks. */
const MANY = 2000;

let slot: LoopSlot;
let connections: Crowd<CrowdMember & { readonly bufferedAmount: number }>;
let asked: number;
let survey: BacklogSurvey;

beforeEach(() => {
  slot = ControlBlock.create(1).slot(0);
  slot.take(0, 1, 1, 0);
  connections = new Crowd();
  asked = 0;
  survey = new BacklogSurvey(connections, slot);
});

function add(count: number, bytes: number): void {
  for (let i = 0; i < count; i++) {
    connections.add({
      [PLACE]: -1,
      get bufferedAmount() {
        asked++;
        return bytes;
      },
    });
  }
}

const told = (): { backlogs: number; bufferedBytes: number } => ({
  backlogs: slot.backlogs,
  bufferedBytes: slot.bufferedBytes,
});

function lookUntilAll(): number {
  let looks = 0;
  for (asked = 0; asked < connections.size; looks++) survey.look();
  survey.look();
  return looks;
}

it('tells of none when there are no connections', () => {
  survey.look();
  expect(told()).toEqual({ backlogs: 0, bufferedBytes: 0 });
});

it('tells how much waits and for how many, when a few connections wait', () => {
  add(3, 2 * KIB);
  add(4, 0);
  survey.look();
  expect(told()).toEqual({ backlogs: 3, bufferedBytes: 6 * KIB });
  for (const connection of connections) connections.delete(connection);
  survey.look();
  expect(told()).toEqual({ backlogs: 0, bufferedBytes: 0 });
});

it('asks a bounded number at a look, each once in a round, when there are many', () => {
  add(MANY, KIB);
  survey.look();
  expect(asked).toBeLessThan(MANY / 2);
  expect(told().backlogs).toBe(0);
  expect(lookUntilAll()).toBeGreaterThan(2);
  expect(told()).toEqual({ backlogs: MANY, bufferedBytes: MANY * KIB });
});

it('asks each that stays once, and those that have come in the next round, when they change within a round', () => {
  add(MANY, KIB);
  survey.look();
  const all = [...connections];
  const gone = [...all.slice(0, 200), ...all.slice(-500)];
  for (const connection of gone) connections.delete(connection);
  add(100, 2 * KIB);
  const lookUntil = (backlogs: number): void => {
    for (let look = 0; told().backlogs !== backlogs; look++) {
      expect(look).toBeLessThan(MANY);
      survey.look();
    }
  };
  // Of those that have gone, 200 had been asked.
  lookUntil(MANY - 500);
  expect(told().bufferedBytes).toBe((MANY - 500) * KIB);
  lookUntil(MANY - 700 + 100);
  expect(told().bufferedBytes).toBe((MANY - 700 + 200) * KIB);
});
