/** Whether a cost grows faster than what it grows with. */
import { median, quantile } from '../record.ts';

export interface Measured {
  readonly x: number;
  /** Of each round. */
  readonly costs: readonly number[];
}

export interface Growth {
  readonly from: number;
  readonly to: number;
  /** By how much the cost grew beyond linear, in medians. */
  readonly factor: number;
}

/** The dearest round of one point to the cheapest of the other must differ by more than this: less is the machine. */
const TOLERANCE = 1.2;

/** The worst stretch of a line that is worse than linear; null when there is none. `power` is a curve's. */
export function worseThanLinear(points: readonly Measured[], power: number): Growth | null {
  const found = points.flatMap((to, index) =>
    points.slice(0, index).flatMap((from) => {
      const linear = (to.x / from.x) ** power;
      const surely = quantile(to.costs, 0) / quantile(from.costs, 1) / linear;
      const factor = median(to.costs) / median(from.costs) / linear;
      return surely > TOLERANCE ? { from: from.x, to: to.x, factor } : [];
    }),
  );
  return found.toSorted((a, b) => b.factor - a.factor)[0] ?? null;
}
