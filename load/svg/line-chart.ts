/** Line charts: a few panels side by side over the same numbers, each with an axis of its own. */
import { type Scale, scaleFor, scaleOver, shortNumber } from './scale.ts';
import { colourClass, dashOf, escaped, STYLE, textAt } from './theme.ts';

export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  /** The least and the most that was measured. */
  readonly low: number;
  readonly high: number;
}

export interface Panel {
  /** What is upwards, with its unit. */
  readonly title: string;
  /** In the same order in all panels of a chart. */
  readonly lines: readonly (readonly ChartPoint[])[];
}

export interface LineChart {
  readonly title: string;
  /** What is to the right, with its unit. */
  readonly along: string;
  /** What stands below the axis. */
  readonly tick: (x: number) => string;
  readonly names: readonly string[];
  readonly panels: readonly Panel[];
}

const PLOT = { width: 210, height: 140 };
const LEFT = 42;
const RIGHT = 16;
const TOP = 62;
const BOTTOM = 42;
const PANEL_WIDTH = LEFT + PLOT.width + RIGHT;
/** Labels of the axis to the right that are closer than this are left out, the last one never. */
const LABEL_WIDTH = 32;
const LEGEND_Y = 32;
const SAMPLE_WIDTH = 26;
const CHAR_WIDTH = 6.2;

export function lineChart(chart: LineChart): string {
  const width = Math.max(PANEL_WIDTH * chart.panels.length, PANEL_WIDTH * 2);
  const height = TOP + PLOT.height + BOTTOM;
  const panels = chart.panels.map(
    (panel, index) => `<g transform="translate(${index * PANEL_WIDTH} 0)">${drawn(panel, chart)}</g>`,
  );
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">` +
    `<title>${escaped(chart.title)}</title>\n${STYLE}\n${textAt(LEFT, 14, chart.title, { kind: 'title' })}\n` +
    `${legend(chart.names)}\n${panels.join('\n')}\n</svg>\n`
  );
}

function legend(names: readonly string[]): string {
  let x = LEFT;
  return names
    .map((name, index) => {
      const from = x;
      x += SAMPLE_WIDTH + 6 + name.length * CHAR_WIDTH + 18;
      return (
        path(index, `M${from} ${LEGEND_Y - 4}h${SAMPLE_WIDTH}`) +
        textAt(from + SAMPLE_WIDTH + 6, LEGEND_Y, name)
      );
    })
    .join('');
}

const path = (index: number, d: string): string =>
  `<path class="line ${colourClass(index)}" stroke-dasharray="${dashOf(index)}" d="${d}"/>`;

function drawn({ title, lines }: Panel, { along, tick }: LineChart): string {
  const points = lines.flat();
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const across = scaleOver(xs);
  const up = scaleFor(points.flatMap(({ low, high }) => [low, high]));
  const placeX = (x: number): number => LEFT + across.at(x) * PLOT.width;
  const placeY = (y: number): number => TOP + (1 - up.at(y)) * PLOT.height;
  const bottom = TOP + PLOT.height;
  const series = lines.map((line, index) => {
    const places = line.map(({ x, y }) => `${placeX(x).toFixed(1)} ${placeY(y).toFixed(1)}`);
    const whiskers = line.map(
      ({ x, low, high }) => `M${placeX(x).toFixed(1)} ${placeY(low).toFixed(1)}V${placeY(high).toFixed(1)}`,
    );
    const dots = places.map(
      (place) => `<circle class="${colourClass(index)}" r="2.5" cx="${place.replace(' ', '" cy="')}"/>`,
    );
    return (
      path(index, `M${places.join('L')}`) +
      `<path class="${colourClass(index)}" stroke-width="1" d="${whiskers.join('')}"/>${dots.join('')}`
    );
  });
  return (
    textAt(LEFT, TOP - 10, title + (up.isLog ? ' (log)' : ''), { kind: 'faint' }) +
    upwardAxis(up, placeY) +
    `<path class="axis" d="M${LEFT} ${bottom}h${PLOT.width}"/>` +
    labelled(across, placeX)
      .map((x) => textAt(placeX(x), bottom + 15, tick(x), { anchor: 'middle' }))
      .join('') +
    textAt(LEFT + PLOT.width / 2, bottom + 32, along, { anchor: 'middle', kind: 'faint' }) +
    series.join('')
  );
}

function upwardAxis({ ticks }: Scale, placeY: (y: number) => number): string {
  return ticks
    .map((tick) => {
      const y = placeY(tick);
      const line = `<path class="grid" d="M${LEFT} ${y.toFixed(1)}h${PLOT.width}"/>`;
      return line + textAt(LEFT - 5, y + 4, shortNumber(tick), { anchor: 'end' });
    })
    .join('');
}

/** The ticks with room for a label. */
function labelled({ ticks }: Scale, placeX: (x: number) => number): number[] {
  let next = Number.POSITIVE_INFINITY;
  return ticks.toReversed().filter((tick) => {
    const x = placeX(tick);
    if (x > next - LABEL_WIDTH) return false;
    next = x;
    return true;
  });
}
