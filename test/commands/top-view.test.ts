import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { ratesBetween } from '../../src/commands/top/rates.ts';
import { type Paint, viewLines } from '../../src/commands/top/view.ts';
import type { LoopStatus, ServerStatus } from '../../src/primary/admin/status.ts';
import { SAMPLE_BACKPLANE } from '../harness/sample-status.ts';
import { someStatus } from '../harness/stand-in-admin.ts';

const plain: Paint = (_, text) => text;
const WIDE = { columns: 200, rows: 50 };
const url = new URL('http://127.0.0.1:9464');

const lines = (status: ServerStatus, size = WIDE, paint = plain): string[] =>
  viewLines({ url, status, rates: null, lost: null }, size, paint);

/** With something changed in each loop. */
const changed = (status: ServerStatus, change: (loop: LoopStatus) => Partial<LoopStatus>): ServerStatus => ({
  ...status,
  loops: status.loops.map((loop) => ({ ...loop, ...change(loop) })),
});

const cells = (line = ''): string[] => line.trim().split(/ {2,}/);

test('has a row for each loop, in order, and one for all of them', () => {
  const status = changed(someStatus(3), ({ id }) => ({
    connections: 10 ** id,
    lagMs: 5 - id,
    generation: id + 1,
  }));
  const [, , , head, ...rows] = lines(status).map(cells);
  expect(head?.slice(0, 4)).toEqual(['loop', 'gen', 'state', 'connections']);
  expect(rows.map((row) => row.slice(0, 4))).toEqual([
    ['0', '1', 'ready', '1'],
    ['1', '2', 'ready', '10'],
    ['2', '3', 'ready', '100'],
    // Nothing under generation and state.
    ['all', '111', '–', '–'],
  ]);
  expect(rows.at(-1)).toContain('5 ms');
});

test('has messages per second when there are two looks at one server', () => {
  const before = someStatus(2, { uptimeMs: 1000 });
  const after = changed({ ...before, uptimeMs: 3000 }, ({ id, counters }) => ({
    counters: { ...counters, messagesIn: 200 * (id + 1), deliveries: 50 },
  }));
  const rates = ratesBetween(before, after);
  expect(rates?.get(0)).toEqual({ messagesIn: 100, messagesOut: 0, published: 0, deliveries: 25 });
  expect(rates?.get(1)).toMatchObject({ messagesIn: 200 });
  const all = viewLines({ url, status: after, rates, lost: null }, WIDE, plain).at(-1);
  expect(cells(all).slice(2, 6)).toEqual(['300', '0', '0', '50']);
});

test('has no rates when the server was started anew between two looks', () => {
  const before = someStatus(1, { uptimeMs: 1000 });
  expect(ratesBetween(before, { ...before, uptimeMs: 2000, pid: before.pid + 1 })).toBeNull();
  expect(
    ratesBetween(before, { ...before, uptimeMs: 2000, startedAt: '2026-01-01T00:00:01.000Z' }),
  ).toBeNull();
  expect(ratesBetween(before, before)).toBeNull();
  expect(ratesBetween(before, { ...before, uptimeMs: before.uptimeMs + 100 })).toBeNull();
});

test('shows a loop that does not turn as stuck when its state still says ready', () => {
  const status = changed(someStatus(2), ({ id }) => ({ isStale: id === 1 }));
  const rows = lines(status).map(cells);
  expect(rows[4]?.[2]).toBe('ready');
  expect(rows[5]?.[2]).toBe('stuck');
});

test('tells why the server is not ready, and why loops were replaced', () => {
  const restarts = { error: 2, exit: 0, heap: 1, ended: 0, reload: 0 };
  const [head] = lines(someStatus(1, { state: 'degraded', detail: 'loop 0 is stuck', restarts }));
  expect(head).toContain('degraded: loop 0 is stuck');
  expect(head).toContain('loops replaced 3 (error 2, heap 1)');
});

test('says that figures are old when the server is lost', () => {
  const view = { url, status: someStatus(1), rates: null, lost: 'http://127.0.0.1:9464: no answer' };
  expect(viewLines(view, WIDE, plain)[1]).toBe(
    'these figures are old, trying again: http://127.0.0.1:9464: no answer',
  );
});

test('shows the latest events, as many as there is room for', () => {
  const events = Array.from({ length: 30 }, (_, index) => ({
    number: index + 1,
    at: '2026-01-01T00:00:00.000Z',
    level: 'warn' as const,
    loop: index === 29 ? 7 : null,
    text: `event ${index + 1}`,
  }));
  const status = someStatus(2, { events });
  const shown = (rows: number): string[] =>
    lines(status, { columns: 200, rows }).filter((line) => line.includes('event'));
  expect(shown(100)).toHaveLength(10);
  expect(shown(100).at(-1)).toMatch(/ warn {2}loop 7: event 30$/);
  expect(shown(10)).toHaveLength(2);
  expect(shown(7)).toHaveLength(0);
});

test('has a line of the backplane when there is one', () => {
  const [, , line] = lines(someStatus(1, { backplane: SAMPLE_BACKPLANE }));
  expect(line).toBe(
    'backplane redis connected  node node-a  sent 20, received 30  missed 5, dropped 4  waiting 2.00 KiB',
  );
  expect(lines(someStatus(1)).join('\n')).not.toContain('backplane');
});

test('fits every screen that has room for the totals', () => {
  const colourful: Paint = (_, text) => `\x1b[31m${text}\x1b[39m`;
  const events = [
    {
      number: 1,
      at: '2026-01-01T00:00:00.000Z',
      level: 'error' as const,
      loop: 1,
      text: 'something '.repeat(50),
    },
  ];
  const status = changed(
    someStatus(20, {
      events,
      detail: 'some reason '.repeat(20),
      state: 'unready',
      backplane: SAMPLE_BACKPLANE,
    }),
    () => ({
      connections: 12_345,
      lagMs: 123,
      heapUsedBytes: 2 ** 30,
      utilization: 1,
    }),
  );
  for (let columns = 40; columns <= 160; columns++) {
    for (const rows of [5, 6, 10, 24, 26, 60]) {
      const drawn = lines(status, { columns, rows }, colourful).map((line) => stripVTControlCharacters(line));
      expect(drawn.length).toBeLessThanOrEqual(rows);
      for (const line of drawn) expect(line.length, `${columns}: ${line}`).toBeLessThanOrEqual(columns);
      expect(drawn.join('\n')).toContain('all');
      expect(drawn.join('\n')).toContain('247k');
    }
  }
});

test('counts the loops that there is no room for', () => {
  const drawn = lines(someStatus(20), { columns: 100, rows: 12 });
  expect(drawn).toHaveLength(12);
  expect(drawn[10]).toBe('… 14 more loops');
});
