/** The table of loops: as many columns and rows as there is room for. */
import { stripVTControlCharacters } from 'node:util';
import type { LoopStatus } from '../../primary/admin/status.ts';
import { shownBytes, shownCount, shownShare } from '../figures.ts';
import { tableLines } from '../table.ts';
import { allRates, type Rates } from './rates.ts';
import type { Size } from './screen.ts';
import type { Paint, View } from './view.ts';

/** Of a loop, or of all. */
interface Row {
  readonly loop: LoopStatus | null;
  readonly rates: Rates | null;
  readonly sum: (of: (loop: LoopStatus) => number) => number;
  readonly max: (of: (loop: LoopStatus) => number) => number;
}

interface Column {
  readonly name: string;
  /** Columns of a higher number go first when the screen is narrow. */
  readonly dispensable: number;
  readonly cell: (row: Row, paint: Paint) => string;
}

const rateOf =
  (name: keyof Rates): Column['cell'] =>
  ({ rates }) =>
    rates === null ? '–' : shownCount(rates[name]);

const COLUMNS: readonly Column[] = [
  { name: 'loop', dispensable: 0, cell: ({ loop }) => (loop === null ? 'all' : `${loop.id}`) },
  { name: 'gen', dispensable: 7, cell: ({ loop }) => (loop === null ? '' : `${loop.generation}`) },
  { name: 'state', dispensable: 1, cell: ({ loop }, paint) => (loop === null ? '' : stateOf(loop, paint)) },
  { name: 'connections', dispensable: 0, cell: ({ sum }) => shownCount(sum((loop) => loop.connections)) },
  { name: 'in/s', dispensable: 2, cell: rateOf('messagesIn') },
  { name: 'out/s', dispensable: 3, cell: rateOf('messagesOut') },
  { name: 'published/s', dispensable: 6, cell: rateOf('published') },
  { name: 'delivered/s', dispensable: 5, cell: rateOf('deliveries') },
  { name: 'lag', dispensable: 1, cell: ({ max }) => `${shownCount(max((loop) => loop.lagMs))} ms` },
  { name: 'heap', dispensable: 8, cell: ({ sum }) => shownBytes(sum((loop) => loop.heapUsedBytes)) },
  {
    name: 'busy',
    dispensable: 4,
    cell: ({ sum }) =>
      shownShare(
        sum((loop) => loop.utilization) /
          Math.max(
            1,
            sum(() => 1),
          ),
      ),
  },
];

function stateOf({ state, isStale }: LoopStatus, paint: Paint): string {
  if (isStale) return paint('red', 'stuck');
  return state === 'ready' ? paint('green', state) : paint('yellow', state);
}

/** Head, a line for each loop, and the sum. Loops that there is no room for are counted in a line of their own. */
export function loopTable({ status, rates }: View, { columns, rows }: Size, paint: Paint): string[] {
  const all = rowOf(status.loops, null, rates && allRates(rates));
  const each = status.loops.map((loop) => rowOf([loop], loop, rates?.get(loop.id) ?? null));
  const lines = fitting([...each, all], columns, paint);
  const [head = '', ...body] = lines;
  const total = body.pop() ?? '';
  const room = Math.max(0, rows - 2);
  if (body.length <= room) return [head, ...body, total];
  if (room === 0) return [head, total];
  const shown = body.slice(0, room - 1);
  return [head, ...shown, paint('dim', `… ${body.length - shown.length} more loops`), total];
}

function rowOf(loops: readonly LoopStatus[], loop: LoopStatus | null, rates: Rates | null): Row {
  return {
    loop,
    rates,
    sum: (of) => loops.reduce((total, one) => total + of(one), 0),
    max: (of) => loops.reduce((most, one) => Math.max(most, of(one)), 0),
  };
}

/** The table with as many columns as fit. */
function fitting(rows: readonly Row[], width: number, paint: Paint): string[] {
  let columns = COLUMNS;
  for (;;) {
    const lines = drawn(rows, columns, paint);
    const needed = Math.max(...lines.map((line) => stripVTControlCharacters(line).length));
    const least = Math.max(...columns.map(({ dispensable }) => dispensable));
    if (needed <= width || least === 0) return lines;
    columns = columns.filter(({ dispensable }) => dispensable < least);
  }
}

function drawn(rows: readonly Row[], columns: readonly Column[], paint: Paint): string[] {
  const head = columns.map(({ name }) => paint('bold', name));
  const body = rows.map((row) => columns.map(({ cell }) => cell(row, paint)));
  return tableLines(
    [head, ...body],
    columns.map(({ name }) => (name === 'state' ? 'left' : 'right')),
  );
}
