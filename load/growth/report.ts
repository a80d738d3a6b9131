/** docs/growth.md, the part of it that is measured, and a plot for each curve in docs/growth/. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type MeasuredAt, median, quantile, table } from '../record.ts';
import { BUSY_GENERATOR, BUSY_OTHERS, type Figures } from '../result.ts';
import type { Sample } from '../rounds.ts';
import { at } from '../server-process.ts';
import { digitsFor, type Row, rowsOf, shownSpread } from '../summary.ts';
import { lineChart } from '../svg/line-chart.ts';
import { shortNumber } from '../svg/scale.ts';
import { type Curve, PANELS, type PanelName, plural, shownX } from './curve.ts';
import { CURVES } from './curves.ts';
import { worseThanLinear } from './verdict.ts';

/** When and how a curve was measured. */
export interface Run extends MeasuredAt {
  readonly rounds: number;
  readonly seconds: number;
}

export interface GrowthRecord {
  readonly versions: Readonly<Record<string, string>>;
  /** By the name of the curve: each may have been measured anew, apart from the others. */
  readonly runs: Readonly<Record<string, Run>>;
  readonly samples: readonly Sample[];
}

const DOCUMENT = at('../docs/growth.md');
const PLOTS = at('../docs/growth/');
const BEGIN = '<!-- Written by load/growth.ts from here on, never by hand. -->';
const HEAD = `# How costs grow

`;

interface Line {
  readonly target: string;
  readonly name: string;
  readonly rows: readonly (Row & { readonly x: number })[];
}

/** What was measured of a curve; no lines when nothing was. */
function linesOf(curve: Curve, all: readonly Row[]): Line[] {
  return Object.entries(curve.lines).flatMap(([target, name]) => {
    const own = all.filter((row) => row.scenario === curve.name && row.target === target);
    const rows = curve.cases.flatMap(({ name, x }) =>
      own.filter((row) => row.case === name && row.figures.length > 0).map((row) => ({ ...row, x })),
    );
    return rows.length === 0 ? [] : { target, name, rows };
  });
}

const valuesOf = ({ figures }: Row, panel: PanelName): number[] =>
  figures.map((one) => PANELS[panel].of(one));

function plot(curve: Curve, lines: readonly Line[]): string {
  const { title, along, unit, panels } = curve;
  return lineChart({
    title,
    along,
    tick: curve.tick ?? shortNumber,
    names: lines.map(({ name }) => name),
    panels: panels.map((panel) => ({
      title: PANELS[panel].title(unit),
      lines: lines.map(({ rows }) =>
        rows.map((row) => {
          const values = valuesOf(row, panel);
          return { x: row.x, y: median(values), low: quantile(values, 0), high: quantile(values, 1) };
        }),
      ),
    })),
  });
}

/** One sentence for each line: is its cost worse than linear? */
function verdicts(curve: Curve, lines: readonly Line[]): string[] {
  const [panel = 'cpuMicros'] = curve.panels;
  const beyond = curve.power === 0 ? '' : ' beyond the ratio of the two';
  return lines.map(({ name, rows }) => {
    const growth = worseThanLinear(
      rows
        .filter(({ x }) => x >= (curve.judgedFrom ?? 0))
        .map((row) => ({ x: row.x, costs: valuesOf(row, panel) })),
      curve.power,
    );
    if (growth === null) return `${name}: no worse than linear.`;
    const { from, to, factor } = growth;
    return `${name}: **worse than linear**, from ${shownX(from)} to ${shownX(to)} ${curve.along} × ${factor.toFixed(2)}${beyond}.`;
  });
}

/** How much more is done per second at each x than at the first. */
function speedUps(curve: Curve, lines: readonly Line[]): string[] {
  if (!curve.isSpeedUp) return [];
  return lines.map(({ name, rows }) => {
    const [first, ...others] = rows.map((row) => ({
      x: row.x,
      perSecond: median(valuesOf(row, 'perSecond')),
    }));
    if (first === undefined) return '';
    const ratios = others.map(
      ({ x, perSecond }) => `${(perSecond / first.perSecond).toFixed(2)} × with ${shownX(x)}`,
    );
    return `${name}, ${plural(curve.unit)} per second against ${shownX(first.x)}: ${ratios.join(', ')}.`;
  });
}

/** All that is said of a curve. */
const sentences = (curve: Curve, lines: readonly Line[], all: readonly Row[]): string[] => [
  ...speedUps(curve, lines),
  ...verdicts(curve, lines),
  ...troubles(curve, all),
];

const medianFigure = (row: Row, of: (figures: Figures) => number): number => median(row.figures.map(of));

function cells(row: (Row & { readonly x: number }) | undefined, panels: readonly PanelName[]): string[] {
  if (row === undefined) return panels.map(() => '');
  const mark =
    (medianFigure(row, ({ generatorLoad }) => generatorLoad) > BUSY_GENERATOR ? '†' : '') +
    (medianFigure(row, ({ othersLoad }) => othersLoad) > BUSY_OTHERS ? '‡' : '');
  return panels.map((panel, index) => {
    const values = valuesOf(row, panel);
    if (index === 0) return shownSpread(values) + mark;
    const value = median(values);
    return value < 1000 ? value.toFixed(digitsFor(value)) : Math.round(value).toLocaleString('en-US');
  });
}

function tableOf(curve: Curve, lines: readonly Line[]): string {
  const { panels, unit, along } = curve;
  const head = lines.flatMap(({ name }) => panels.map((panel) => `${name}: ${PANELS[panel].title(unit)}`));
  const xs = curve.cases.filter(({ x }) => lines.some(({ rows }) => rows.some((row) => row.x === x)));
  const rows = xs.map(({ x, name }) => [
    name,
    ...lines.flatMap((line) =>
      cells(
        line.rows.find((row) => row.x === x),
        panels,
      ),
    ),
  ]);
  return table([along, ...head], rows);
}

/** What failed is in the document too. */
const troubles = (curve: Curve, all: readonly Row[]): string[] =>
  all
    .filter((row) => row.scenario === curve.name && row.troubles.length > 0)
    .map((row) => `**FAILED** at ${row.case}, ${row.target}: ${row.troubles[0]}`);

function measured({ date, commit, isChanged, machine, command, rounds, seconds }: Run): string {
  const times = rounds === 1 ? 'One round' : `Medians of ${rounds} rounds`;
  const where = `${machine.cores} cores of ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}`;
  const what = `commit ${commit.slice(0, 10)}${isChanged ? ' with changes' : ''}`;
  return `${times} of ${seconds} s, ${date.slice(0, 10)}, ${what}, ${where}: \`${command}\``;
}

function section(curve: Curve, all: readonly Row[], run: Run | undefined): string {
  const lines = linesOf(curve, all);
  if (lines.length === 0) return '';
  writeFileSync(`${PLOTS}${curve.name}.svg`, plot(curve, lines));
  const said = sentences(curve, lines, all);
  const why = curve.why !== undefined && said.some((text) => text.includes('**')) ? `\n${curve.why}\n` : '';
  return `## ${curve.title}

${curve.shows}

![${curve.title}](growth/${curve.name}.svg)

${said.map((text) => `- ${text}\n`).join('')}${why}
${tableOf(curve, lines)}${run === undefined ? '' : `\n${measured(run)}\n`}`;
}

/** Writes the plots, and the document from its mark on; what stands before that is kept. Gives what is said of each curve. */
export function writeReport(record: GrowthRecord, out: string): void {
  mkdirSync(PLOTS, { recursive: true });
  const all = rowsOf(record.samples);
  const kept = existsSync(DOCUMENT) ? (readFileSync(DOCUMENT, 'utf8').split(BEGIN)[0] ?? HEAD) : HEAD;
  const sections = CURVES.map((curve) => section(curve, all, record.runs[curve.name])).filter(
    (text) => text !== '',
  );
  const versions = [...new Set(Object.values(record.versions))].join(', ');
  writeFileSync(
    DOCUMENT,
    `${kept}${BEGIN}

Of ${versions}. Medians, the first column of each with the lowest and the highest; below each table stands when, where and how it was
measured. Raw results: [load/results/${out}.json](../load/results/${out}.json). † The generator was the limit. ‡ Other programs used the machine too.

${sections.join('\n')}`,
  );
}

/** What is said of each curve that was measured. */
export function verdictsOf(
  samples: readonly Sample[],
): { readonly title: string; readonly said: readonly string[] }[] {
  const all = rowsOf(samples);
  return CURVES.map((curve) => {
    const lines = linesOf(curve, all);
    return { title: curve.title, said: sentences(curve, lines, all) };
  }).filter(({ said }) => said.length > 0);
}
