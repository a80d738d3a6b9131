/** One small plot of the last minutes, with its figures in words beside it: what is now, and the least and the most there was. */
import { make, write } from './dom.js';
import { UNKNOWN } from './figures.js';
import uPlot from './uPlot.esm.js';

/** What the plot reaches back to. */
export const SPAN_S = 300;
const HEIGHT_PX = 88;
const Y_AXIS_PX = 52;
const FONT = '11px system-ui, sans-serif';
const TICKS = [-240, -180, -120, -60, 0];
const DASHES = [[], [4, 3]];

/** Colours are those of the style sheet, light or dark, at the moment of drawing. */
const colour = (name) => () => getComputedStyle(document.body).getPropertyValue(name).trim();

export class Plot {
  #lines;
  #rows;
  #plot;
  #marks = [];

  constructor(parent, { title, lines, least }) {
    const box = make('div');
    box.className = 'plot';
    // What it shows is said in words above it.
    box.setAttribute('aria-hidden', 'true');
    const figures = make('dl');
    parent.append(make('figure', make('figcaption', make('h3', title), figures), box));
    this.#lines = lines;
    this.#rows = lines.map(({ name }, index) => row(figures, name, index));
    this.#plot = new uPlot(this.#options(lines, least, box.clientWidth), [[], ...lines.map(() => [])], box);
    new ResizeObserver(() => this.#plot.setSize({ width: box.clientWidth, height: HEIGHT_PX })).observe(box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#plot.redraw());
  }

  /** `seconds` and `marks` are times before now, `samples` what there was at `seconds`. */
  show(seconds, samples, marks) {
    this.#marks = marks;
    const values = this.#lines.map(({ key }) => samples.map((sample) => sample[key]));
    this.#plot.setData([seconds, ...values]);
    for (const [index, { show }] of this.#lines.entries()) tell(this.#rows[index], values[index], show);
  }

  #options(lines, least, width) {
    const axis = { stroke: colour('--muted'), font: FONT, ticks: { show: false } };
    return {
      width,
      height: HEIGHT_PX,
      padding: [8, 12, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [-SPAN_S, 0] },
        y: { range: (_, __, most) => [0, scaleEnd(Math.max(least, most ?? 0))] },
      },
      axes: [
        {
          ...axis,
          size: 22,
          gap: 4,
          grid: { show: false },
          splits: () => TICKS,
          values: () => TICKS.map((seconds) => (seconds === 0 ? 'now' : `−${-seconds / 60} min`)),
        },
        {
          ...axis,
          size: Y_AXIS_PX,
          grid: { stroke: colour('--line'), width: 1 },
          splits: (_, __, least, most) => [least, (least + most) / 2, most],
          values: (_, splits) => splits.map((value) => lines[0].show(value)),
        },
      ],
      series: [
        {},
        ...lines.map((_, index) => ({
          stroke: colour(index === 0 ? '--accent' : '--second'),
          width: 1.75,
          dash: DASHES[index],
          points: { show: false },
        })),
      ],
      hooks: { drawAxes: [(plot) => this.#drawMarks(plot)] },
    };
  }

  #drawMarks(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = colour('--muted')();
    ctx.setLineDash([4, 4]);
    for (const seconds of this.#marks) {
      const x = Math.round(plot.valToPos(seconds, 'x', true));
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }
}

/** The next of 1, 2, 5, 10, 20 … */
function scaleEnd(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  const factor = [1, 2, 5, 10].find((each) => each * power >= most) ?? 10;
  return factor * power;
}

function row(dl, name, index) {
  const term = make('dt', name ?? 'now');
  term.dataset.line = index;
  const now = make('b');
  const range = make('span');
  range.className = 'quiet';
  dl.append(make('div', term, make('dd', now, ' ', range)));
  return { now, range };
}

function tell({ now, range }, values, show) {
  const known = values.filter((value) => value !== null);
  const last = values.at(-1) ?? null;
  write(now, last === null ? UNKNOWN : show(last));
  const least = known.length === 0 ? UNKNOWN : show(Math.min(...known));
  const most = known.length === 0 ? UNKNOWN : show(Math.max(...known));
  write(range, `lowest ${least}, highest ${most}`);
}
