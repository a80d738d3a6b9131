/**
 * What `/metrics` answers, read by the grammar of Prometheus' text format 0.0.4, to the letter: anything else throws. In addition to what
 * parsers let pass: HELP and TYPE once, before the samples; the samples of a family in one group; no series twice.
 */

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary';

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** With `_bucket`, `_sum` or `_count`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const HELP = /^# HELP ([a-zA-Z_:][\w:]*) (\S.*)$/;
const TYPE = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary)$/;
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.+)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;
const NUMBER = /^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+Inf|NaN)$/;
const SUFFIXES: Readonly<Record<MetricType, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
};

function match(pattern: RegExp, line: string | undefined): string[] {
  const found = pattern.exec(line ?? '');
  if (found === null) throw new SyntaxError(`${JSON.stringify(line)} does not match ${pattern}`);
  return found.slice(1).map((part) => part ?? '');
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ''; ) {
    const [label] = LABEL.exec(rest) ?? [''];
    const [name = '', value = ''] = match(LABEL, rest);
    if (name in labels) throw new SyntaxError(`the label ${name} is there twice: ${text}`);
    labels[name] = value;
    rest = rest.slice(label.length);
  }
  return labels;
}

function readSample(line: string): Sample {
  const [name = '', labels = '', value = ''] = match(SAMPLE, line);
  match(NUMBER, value);
  return {
    name,
    labels: readLabels(labels),
    value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value),
  };
}

/** One series, as its name and labels in order. */
export const seriesOf = ({ name, labels }: Sample): string =>
  `${name}{${Object.entries(labels)
    .map(([label, value]) => `${label}="${value}"`)
    .sort()
    .join()}}`;

export function readExposition(text: string): Family[] {
  if (!text.endsWith('\n')) throw new SyntaxError('the last line is not ended');
  const lines = text.split('\n').filter((line) => line !== '');
  const families = new Map<string, Family>();
  const series = new Set<string>();
  for (let at = 0; at < lines.length; ) {
    const [name = '', help = ''] = match(HELP, lines[at++]);
    const [typed, type] = match(TYPE, lines[at++]) as [string, MetricType];
    if (typed !== name || families.has(name)) throw new SyntaxError(`TYPE or HELP of ${name} is not alone`);
    const samples: Sample[] = [];
    for (; at < lines.length && !lines[at]?.startsWith('#'); at++) {
      const sample = readSample(lines[at] ?? '');
      if (!SUFFIXES[type].some((suffix) => sample.name === name + suffix))
        throw new SyntaxError(`${sample.name} stands under ${name}`);
      if (series.has(seriesOf(sample))) throw new SyntaxError(`${seriesOf(sample)} is there twice`);
      series.add(seriesOf(sample));
      samples.push(sample);
    }
    families.set(name, { name, help, type, samples });
  }
  return [...families.values()];
}

/** Sum of the samples of that name that have these labels; throws when there is none. */
export function total(
  families: readonly Family[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const found = families
    .flatMap(({ samples }) => samples)
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value));
  if (found.length === 0) throw new RangeError(`there is no ${name} with ${JSON.stringify(labels)}`);
  return found.reduce((sum, { value }) => sum + value, 0);
}

/** Every series that may only grow: counters, and what histograms and summaries count. */
export function growing(families: readonly Family[]): Map<string, number> {
  const samples = families.flatMap(({ type, samples }) =>
    type === 'gauge' ? [] : samples.filter(({ labels }) => labels.quantile === undefined),
  );
  return new Map(samples.map((sample) => [seriesOf(sample), sample.value]));
}
