/** docs/benchmarks.md and its charts, from what has been measured. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type CheckedRatio, checked } from './checks.ts';
import type { MeasuredAt } from './record.ts';
import { median, table } from './record.ts';
import type { Sample } from './rounds.ts';
import { scenarioNamed } from './scenarios.ts';
import { at } from './server-process.ts';
import {
  cells,
  digitsFor,
  type FigureName,
  grouped,
  HEAD,
  medianOf,
  type Row,
  rowsOf,
  shownSpread,
} from './summary.ts';
import { barChart, type Group } from './svg/bar-chart.ts';
import { TARGETS } from './targets.ts';

export interface PeersRecord extends MeasuredAt {
  readonly rounds: number;
  readonly seconds: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly samples: readonly Sample[];
}

const FIGURE_WORDS: { readonly [Name in FigureName]: string } = {
  cpuMicros: 'CPU',
  perSecond: 'per second',
  p99: 'p99',
  bytesPerConnection: 'user-space bytes per connection',
};
const DOCS = '../docs/';
const COMMIT_DIGITS = 12;
/** What the bars of a scenario show, unless it is the CPU time. */
const CHARTED: Readonly<Record<string, FigureName>> = { idle: 'bytesPerConnection', burn: 'perSecond' };

const shownRatio = (ratio: number): string => (Number.isNaN(ratio) ? 'not measured' : ratio.toFixed(2));

/** A row for each check: what must hold, what was found. */
export const checkRows = (checks: readonly CheckedRatio[]): string[][] =>
  checks.map(({ scenario, case: name, thanCase, figure, of, than, atMost, ratio, isMet }) => [
    `${scenario}: ${name}`,
    `${FIGURE_WORDS[figure]}, ${of} / ${than}${thanCase === undefined || thanCase === name ? '' : ` (${thanCase})`}`,
    shownRatio(ratio),
    atMost.toFixed(2),
    isMet ? 'yes' : Number.isNaN(ratio) ? '–' : '**no**',
  ]);
export const CHECK_HEAD = ['case', 'ratio of medians', 'measured', 'at most', 'holds'];

function groupsOf(scenario: string, rows: readonly Row[], figure: FigureName): Group[] {
  const shown = rows.filter((row) => row.figures.length > 0 && !Number.isNaN(medianOf(row, figure)));
  const clockless = shown.filter((row) => !isByClock(scenario, row.case));
  return [...grouped(clockless, (row) => row.case)].map(([title, members]) => ({
    title,
    bars: members.map((row) => {
      const value = medianOf(row, figure);
      const text = value < 1000 ? value.toFixed(digitsFor(value)) : Math.round(value).toLocaleString('en-US');
      return { label: row.target, value, text, isOurs: row.target.startsWith('polyloop') };
    }),
  }));
}

/** That passed. */
const targetsIn = (samples: readonly Sample[]): number =>
  new Set(samples.filter(({ figures }) => figures !== null).map(({ target }) => target)).size;

/** The samples of each case, from the last record that has some; those of one scenario stand together. */
export const latestOf = (records: readonly PeersRecord[]): Sample[] => chosen(records, () => true);

/** The same, from the last of the records in which most targets took part. */
const fullestOf = (records: readonly PeersRecord[]): Sample[] =>
  chosen(records, (one, before) => targetsIn(one) >= targetsIn(before));

function chosen(
  records: readonly PeersRecord[],
  isWanted: (one: readonly Sample[], before: readonly Sample[]) => boolean,
): Sample[] {
  const byScenario = new Map<string, Map<string, readonly Sample[]>>();
  for (const { samples } of records) {
    for (const [scenario, own] of grouped(samples, (sample) => sample.scenario)) {
      const byCase = byScenario.get(scenario) ?? new Map<string, readonly Sample[]>();
      byScenario.set(scenario, byCase);
      for (const [name, some] of grouped(own, (sample) => sample.case)) {
        if (isWanted(some, byCase.get(name) ?? [])) byCase.set(name, some);
      }
    }
  }
  return [...byScenario.values()].flatMap((byCase) => [...byCase.values()].flat());
}

const isByClock = (scenario: string, name: string): boolean =>
  scenarioNamed(scenario).cases.some((one) => one.name === name && one.clock !== undefined);

/** A row as in the summary, with the spread of p99. */
function documented(row: Row): string[] {
  const [perSecond = '', cpu = '', resident = '', , more = '', checks = ''] = cells(row);
  const latencies = row.figures.flatMap(({ latency }) => latency ?? []);
  const ms = (value: number): string => value.toFixed(digitsFor(value));
  const times =
    latencies.length === 0
      ? ''
      : `${ms(median(latencies.map(({ p50 }) => p50)))} / ${shownSpread(latencies.map(({ p99 }) => p99))} / ${ms(median(latencies.map(({ p999 }) => p999)))}`;
  return [row.target, perSecond, cpu, resident, times, more, checks];
}

function section(scenario: string, rows: readonly Row[]): string {
  const { shows } = scenarioNamed(scenario);
  const figure = CHARTED[scenario] ?? 'cpuMicros';
  const unit = rows[0]?.unit ?? '';
  const words = figure === 'cpuMicros' ? `CPU µs of the server per ${unit}` : FIGURE_WORDS[figure];
  writeFileSync(
    at(`${DOCS}benchmarks/${scenario}.svg`),
    barChart(`${scenario}: ${words}`, groupsOf(scenario, rows, figure)),
  );
  const tables = [...grouped(rows, (row) => row.case)].map(
    ([name, members]) => `### ${scenario}: ${name}\n\n${table([unit, ...HEAD], members.map(documented))}`,
  );
  return `## ${scenario}\n\n${shows} Bars: ${words}.\n\n![${scenario}: ${words}](benchmarks/${scenario}.svg)\n\n${tables.join('\n')}`;
}

/** Where and how one run was done. */
function runRow({
  date,
  commit,
  isChanged,
  machine,
  command,
  rounds,
  seconds,
  samples,
}: PeersRecord): string[] {
  const scenarios = [...new Set(samples.map(({ scenario }) => scenario))];
  const where = `${machine.cores} cores of ${machine.cpu}, ${machine.memoryGib} GiB, Linux ${machine.kernel}, Node ${machine.node}`;
  return [
    scenarios.join(', '),
    date.slice(0, 10),
    `${commit.slice(0, COMMIT_DIGITS)}${isChanged ? ', with changes' : ''}`,
    String(rounds),
    `${seconds} s`,
    where,
    `\`${command.replaceAll('|', '\\|')}\``,
  ];
}

/**
 * Writes docs/benchmarks.md and docs/benchmarks/*.svg. What must hold is taken from the last of the runs that has the case, tables and
 * charts from the last in which most targets took part.
 */
export function writeReport(records: readonly PeersRecord[]): void {
  const rows = rowsOf(fullestOf(records));
  const versions = Object.assign({}, ...records.map((record) => record.versions)) as PeersRecord['versions'];
  const named = TARGETS.filter(({ name }) => versions[name] !== undefined);
  rmSync(at(`${DOCS}benchmarks`), { recursive: true, force: true });
  mkdirSync(at(`${DOCS}benchmarks`), { recursive: true });
  const sections = [...grouped(rows, (row) => row.scenario)].map(([name, own]) => section(name, own));
  writeFileSync(
    at(`${DOCS}benchmarks.md`),
    `# Benchmarks

Written by \`npm run bench:peers\` from the raw results in [load/results](../load/results), never by hand. What was found with such figures is in
[performance.md](performance.md).

In each round, every case is run against one target after the other, each time with a fresh server and a fresh generator, and measured after a
warm-up. Figures are medians of the rounds, with the lowest and the highest. CPU is that of all processes and threads of the server, user
and system: µs each is seconds per million. The generator, one process, checks the content, order and number of all answers. Where "the generator
was the limit", the server could have done more per second, and its times are too long; CPU holds. RSS counts what processes share for each.

${table(['scenarios', 'date', 'commit', 'rounds', 'measured for', 'machine', 'command'], records.map(runRow))}
${table(
  ['target', 'what it is', 'version'],
  named.map(({ name, about }) => [name, about, versions[name] ?? '']),
)}
## What must hold

Ratios of medians of one run, the last that has the case; less is better. The tables and charts below are of the last run in which most servers
took part, which may have been another one.

${table(CHECK_HEAD, checkRows(checked(rowsOf(latestOf(records)))))}
${sections.join('\n')}`,
  );
}
