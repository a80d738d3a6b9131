/** Columns of text, without lines between them. */
import Table from 'cli-table3';

export type Align = 'left' | 'right';

const NO_LINES = Object.fromEntries(
  ['', '-mid', '-left', '-right']
    .flatMap((end) => [`top${end}`, `bottom${end}`])
    .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'])
    .map((name) => [name, '']),
);

/** One line for each row. A column is aligned to the left unless `aligns` says otherwise. */
export function tableLines(rows: readonly (readonly string[])[], aligns: readonly Align[] = []): string[] {
  const table = new Table({
    colAligns: [...aligns],
    chars: { ...NO_LINES, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}
