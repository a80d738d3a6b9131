/** Samples of the same case and target, taken together. */
import { median, quantile, spread } from './record.ts';
import { BUSY_GENERATOR, BUSY_OTHERS, type Figures } from './result.ts';
import type { Sample } from './rounds.ts';

export interface Row {
  readonly scenario: string;
  readonly unit: string;
  readonly case: string;
  readonly target: string;
  /** Of the rounds that passed. */
  readonly figures: readonly Figures[];
  readonly rounds: number;
  /** The first trouble of each round that had one. */
  readonly troubles: readonly string[];
}

export type FigureName = 'cpuMicros' | 'perSecond' | 'p99' | 'bytesPerConnection';

const FIGURES: { readonly [Name in FigureName]: (figures: Figures) => number } = {
  cpuMicros: ({ cpuMicros }) => cpuMicros,
  perSecond: ({ perSecond }) => perSecond,
  p99: ({ latency }) => latency?.p99 ?? Number.NaN,
  bytesPerConnection: ({ more }) => more?.bytesPerConnection ?? Number.NaN,
};

/** In the order in which their keys come first. */
export function grouped<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

/** In the order in which they were measured. */
export function rowsOf(samples: readonly Sample[]): Row[] {
  const groups = grouped(samples, (one) => JSON.stringify([one.scenario, one.case, one.target]));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { scenario, unit, case: name, target } = first;
    const figures = group.flatMap((one) => one.figures ?? []);
    const troubles = group.flatMap(({ trouble }) => trouble ?? []);
    return { scenario, unit, case: name, target, figures, rounds: group.length, troubles };
  });
}

/** `NaN` when no round passed. */
export const medianOf = ({ figures }: Row, name: FigureName): number => median(figures.map(FIGURES[name]));

const thousands = (number: number): string => Math.round(number).toLocaleString('en-US');
const signed = (number: number): string => `${number < 0 ? '' : '+'}${number.toFixed(0)}`;
export const digitsFor = (number: number): number => (number < 10 ? 2 : number < 100 ? 1 : 0);

/** `median (low to high)`, with three digits that count; the median alone of one. */
export function shownSpread(numbers: readonly number[]): string {
  const digits = digitsFor(Math.abs(quantile(numbers, 1 / 2)));
  if (numbers.length === 0) return '';
  return numbers.length === 1 ? median(numbers).toFixed(digits) : spread(numbers, digits);
}

function shownMore({ figures }: Row): string {
  const names = Object.keys(figures[0]?.more ?? {});
  const words = (name: string): string => name.replaceAll(/[A-Z0-9]+/g, (part) => ` ${part.toLowerCase()}`);
  return names
    .map((name) => `${words(name)}: ${shownSpread(figures.map(({ more }) => more?.[name] ?? Number.NaN))}`)
    .join('; ');
}

/** What a reader must know before believing the row. */
function doubts({ figures, troubles, rounds }: Row): string {
  const generator = median(figures.map(({ generatorLoad }) => generatorLoad));
  const others = median(figures.map(({ othersLoad }) => othersLoad));
  return [
    troubles.length > 0 ? `FAILED in ${troubles.length} of ${rounds}: ${troubles[0]}` : '',
    generator > BUSY_GENERATOR ? 'the generator was the limit' : '',
    others > BUSY_OTHERS ? `others used ${others.toFixed(2)} cores` : '',
  ]
    .filter((doubt) => doubt !== '')
    .join('; ');
}

export const HEAD = [
  'per second',
  'CPU µs each',
  'RSS MiB (grown)',
  'p50 / p99 / p99.9 ms',
  'more',
  'checks',
];

/** A row's cells under {@link HEAD}. */
export function cells(row: Row): string[] {
  const { figures, troubles } = row;
  if (figures.length === 0) return ['', '', '', '', '', doubts(row)];
  const latencies = figures.flatMap(({ latency }) => latency ?? []);
  const shownLatency = (['p50', 'p99', 'p999'] as const)
    .map((name) => median(latencies.map((latency) => latency[name])))
    .map((ms) => ms.toFixed(digitsFor(ms)));
  const generatorLoad = median(figures.map((one) => one.generatorLoad));
  const grown = median(figures.map(({ grownMib }) => grownMib));
  return [
    thousands(medianOf(row, 'perSecond')),
    shownSpread(figures.map(({ cpuMicros }) => cpuMicros)),
    `${thousands(median(figures.map(({ residentMib }) => residentMib)))} (${signed(grown)})`,
    latencies.length === 0 ? '' : shownLatency.join(' / '),
    [shownMore(row), `generator ${generatorLoad.toFixed(2)}`].filter((text) => text !== '').join('; '),
    [troubles.length === 0 ? 'passed' : '', doubts(row)].filter((text) => text !== '').join('; '),
  ];
}
