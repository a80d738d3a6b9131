import { beforeEach, expect, it } from 'vitest';
import { ControlBlock } from '../../src/shared/control-block.ts';
import type { LoopSlot } from '../../src/shared/loop-slot.ts';
import { BacklogSurvey } from '../../src/workers/backlog-survey.ts';

const KIB = 1024;
/** More than one look asks. */
const MANY = 2000;

let slot: LoopSlot;
let connections: Set<{ bufferedAmount: number }>;
let asked: number;
let survey: BacklogSurvey;

beforeEach(() => {
  slot = ControlBlock.create(1).slot(0);
  slot.take(0, 1, 1, 0);
  connections = new Set();
  asked = 0;
  survey = new BacklogSurvey(connections, slot);
});

function add(count: number, bytes: number): void {
  for (let i = 0; i < count; i++) {
    connections.add({
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
  connections.clear();
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

it('leaves out those that have gone, and asks those that have come, when they change within a round', () => {
  add(MANY, KIB);
  survey.look();
  const last = [...connections].slice(-500);
  for (const connection of last) connections.delete(connection);
  add(100, 2 * KIB);
  for (let look = 0; told().backlogs === 0; look++) {
    expect(look).toBeLessThan(MANY);
    survey.look();
  }
  expect(told()).toEqual({ backlogs: MANY - 400, bufferedBytes: (MANY - 500 + 200) * KIB });
});
