/** A curve is a scenario whose cases are points along one quantity: how does the cost grow with it? */
import type { Figures } from '../result.ts';
import type { Case, Scenario } from '../scenario.ts';
import type { Ability } from '../targets.ts';

export interface Point extends Case {
  readonly x: number;
}

export type PanelName = 'cpuMicros' | 'perSecond' | 'p99' | 'residentMib';

export interface Curve extends Scenario<Point> {
  readonly title: string;
  /** What x is, with its unit. */
  readonly along: string;
  /** What is measured, with the name of its line. */
  readonly lines: Readonly<Record<string, string>>;
  /** The first one is the cost that is judged. */
  readonly panels: readonly PanelName[];
  /** As which power of x the cost may grow and still be linear: 0 for the cost of a unit that all have their part of, 1 where a unit grows with x. */
  readonly power: 0 | 1;
  /** How x is written below the axis. Left out: as `10k`. */
  tick?(x: number): string;
  /** Whether each further x should bring as much per second as the first one did: the ratios are said. */
  readonly isSpeedUp?: boolean;
  /** From which x on it is judged; below that the load has another shape. Left out: everywhere. */
  readonly judgedFrom?: number;
  /** Why it is worse than linear, for where it is. */
  readonly why?: string;
}

export const shownX = (x: number): string => x.toLocaleString('en-US');

export const pointsAt = (needs: Ability, ...all: number[]): Point[] =>
  all.map((x) => ({ name: shownX(x), needs, x }));

export const plural = (unit: string): string => `${unit}s`.replace(/ys$/, 'ies');

export const PANELS: {
  readonly [Name in PanelName]: { title(unit: string): string; of(figures: Figures): number };
} = {
  cpuMicros: { title: (unit) => `CPU µs per ${unit}`, of: ({ cpuMicros }) => cpuMicros },
  perSecond: { title: (unit) => `${plural(unit)} per second`, of: ({ perSecond }) => perSecond },
  p99: { title: () => 'p99, ms', of: ({ latency }) => latency?.p99 ?? Number.NaN },
  residentMib: { title: () => 'RSS, MiB', of: ({ residentMib }) => residentMib },
};
