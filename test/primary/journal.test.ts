import { type Logger, pino } from 'pino';
import { beforeEach, expect, it } from 'vitest';
import { Journal } from '../../src/primary/journal.ts';

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const KEPT = 100;

let lines: string[];
let journal: Journal;
beforeEach(() => {
  lines = [];
  const log: Logger = pino(
    { level: 'trace', base: null },
    { write: (line: string) => void lines.push(line) },
  );
  journal = new Journal(log);
});

it('keeps what it logs, oldest first, with the loop and the reason', () => {
  journal.info({}, 'reloading');
  journal.warn({ loop: 0, waitMs: 5 }, 'loop ended');
  journal.error({ loop: 1, reason: 'no heap' }, 'loop failed');
  journal.fatal({ reason: 'too often' }, 'giving up');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 30, msg: 'reloading' },
    { level: 40, msg: 'loop ended', loop: 0, waitMs: 5 },
    { level: 50, msg: 'loop failed', loop: 1, reason: 'no heap' },
    { level: 60, msg: 'giving up', reason: 'too often' },
  ]);
  const at = expect.stringMatching(ISO_TIME);
  expect(journal.events).toEqual([
    { number: 1, at, level: 'info', loop: null, text: 'reloading' },
    { number: 2, at, level: 'warn', loop: 0, text: 'loop ended' },
    { number: 3, at, level: 'error', loop: 1, text: 'loop failed: no heap' },
    { number: 4, at, level: 'error', loop: null, text: 'giving up: too often' },
  ]);
});

it('keeps the latest, with their numbers, when there are many', () => {
  for (let number = 1; number <= 3 * KEPT; number++) journal.info({}, `event ${number}`);
  expect(journal.events).toHaveLength(KEPT);
  expect(journal.events[0]).toMatchObject({ number: 2 * KEPT + 1, text: `event ${2 * KEPT + 1}` });
  expect(journal.events.at(-1)).toMatchObject({ number: 3 * KEPT });
});

it('leaves alone what it gave before when more happens', () => {
  journal.info({}, 'first');
  const { events } = journal;
  journal.info({}, 'second');
  expect(events).toHaveLength(1);
});

it('keeps what has happened, when the level of the log lines is above it', () => {
  const silent = new Journal(pino({ level: 'silent' }));
  silent.error({}, 'loop failed');
  expect(silent.events).toMatchObject([{ text: 'loop failed' }]);
});
