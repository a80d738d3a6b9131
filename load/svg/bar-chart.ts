/** Bars: a group for each case, a bar for each target, each group to its own scale. */
import { colourClass, escaped, STYLE, textAt } from './theme.ts';

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** What stands beside the bar. */
  readonly text: string;
  readonly isOurs: boolean;
}

export interface Group {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const COLUMNS = 2;
const COLUMN_WIDTH = 380;
const LABEL_WIDTH = 72;
const BAR_WIDTH = 210;
const TITLE_HEIGHT = 20;
const ROW_HEIGHT = 15;
const BAR_HEIGHT = 10;
const GAP = 14;

const heightOf = ({ bars }: Group): number => TITLE_HEIGHT + bars.length * ROW_HEIGHT + GAP;

function drawn({ title, bars }: Group, x: number, y: number): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const rows = bars.map(({ label, value, text, isOurs }, index) => {
    const top = TITLE_HEIGHT + index * ROW_HEIGHT;
    const width = Math.max(1, (value / most) * BAR_WIDTH).toFixed(1);
    const bar = LABEL_WIDTH + 6;
    const base = top + BAR_HEIGHT - 1;
    return (
      textAt(LABEL_WIDTH, base, label, { anchor: 'end' }) +
      `<rect class="${isOurs ? colourClass(0) : 'faint'}" x="${bar}" y="${top}" width="${width}" height="${BAR_HEIGHT}" rx="2" style="stroke:none"/>` +
      textAt(bar + Number(width) + 5, base, text)
    );
  });
  const head = textAt(0, 12, title, { kind: 'title' });
  return `<g transform="translate(${x} ${y})">${head}\n${rows.join('\n')}</g>`;
}

/** Groups go into the columns from left to right, row by row. */
export function barChart(title: string, groups: readonly Group[]): string {
  const parts: string[] = [];
  let y = 4;
  for (let first = 0; first < groups.length; first += COLUMNS) {
    const row = groups.slice(first, first + COLUMNS);
    parts.push(...row.map((group, column) => drawn(group, column * COLUMN_WIDTH + 4, y)));
    y += Math.max(...row.map(heightOf));
  }
  const width = Math.min(groups.length, COLUMNS) * COLUMN_WIDTH;
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}">
<title>${escaped(title)}</title>
${STYLE}
${parts.join('\n')}
</svg>
`;
}
