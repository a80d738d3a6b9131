/** From numbers to places on an axis, and the numbers to write beside it. */

export interface Scale {
  readonly isLog: boolean;
  readonly ticks: readonly number[];
  /** 0 at the beginning of the axis, 1 at its end. */
  at(value: number): number;
}

/** Above this ratio of the largest to the smallest, an axis is logarithmic. */
const LOG_RATIO = 20;
/** Ticks that are wanted, at most. */
const TICKS = 5;

export function scaleFor(values: readonly number[]): Scale {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return low > 0 && high / low > LOG_RATIO ? logScale(low, high) : linearScale(high);
}

/** From 0 to a round number at or above `high`. */
function linearScale(high: number): Scale {
  const step = roundUp((high > 0 ? high : 1) / TICKS);
  const count = Math.ceil(high / step - 1e-9) || 1;
  return {
    isLog: false,
    ticks: Array.from({ length: count + 1 }, (_, index) => index * step),
    at: (value) => value / (count * step),
  };
}

/** 1, 2 or 5 times a power of ten, at or above. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((digit) => digit * power >= value * (1 - 1e-9)) ?? 10);
}

/** From one power of ten to another, with a tick at each, or at each second one, … */
function logScale(low: number, high: number): Scale {
  const from = Math.floor(Math.log10(low) + 1e-9);
  const to = Math.ceil(Math.log10(high) - 1e-9);
  const every = Math.ceil((to - from) / TICKS);
  const powers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  return {
    isLog: true,
    ticks: powers.filter((power) => (power - from) % every === 0).map((power) => 10 ** power),
    at: (value) => (Math.log10(value) - from) / (to - from),
  };
}

/** Exactly from the smallest to the largest of them, logarithmic, with a tick at each. */
export function scaleOver(values: readonly number[]): Scale {
  const [low, high] = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))];
  return {
    isLog: true,
    ticks: values,
    at: (value) => (high === low ? 0.5 : (Math.log10(value) - low) / (high - low)),
  };
}

const SUFFIXES = [
  { from: 1e9, by: 1e9, suffix: 'G' },
  { from: 1e6, by: 1e6, suffix: 'M' },
  { from: 10_000, by: 1000, suffix: 'k' },
];

/** With as few digits as tell it: 0.05, 7.5, 1,000, 20k, 1.5M. */
export function shortNumber(value: number): string {
  const { by, suffix } = SUFFIXES.find(({ from }) => value >= from) ?? { by: 1, suffix: '' };
  return `${Number((value / by).toPrecision(4)).toLocaleString('en-US', { maximumSignificantDigits: 4 })}${suffix}`;
}
