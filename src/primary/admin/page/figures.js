/** Figures as the page shows them: short, with their units. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const KIB = 1024;

/** What is not known. */
export const UNKNOWN = '–';

const threeDigits = (value) =>
  value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);

/** `0`, `9,999`, `12.3k`, `4.56M`, `7.89G`. */
export function shownCount(count) {
  if (count < 9999.5) return Math.round(count).toLocaleString('en');
  if (count < 999_500) return `${threeDigits(count / 1e3)}k`;
  return count < 999.5e6 ? `${threeDigits(count / 1e6)}M` : `${threeDigits(count / 1e9)}G`;
}

/** Per second: `0`, `0.4`, `1,234`; null is not known. */
export function shownRate(rate) {
  if (rate === null) return UNKNOWN;
  return rate > 0 && rate < 9.95 ? rate.toFixed(1) : shownCount(rate);
}

/** `512 B`, `1.50 MiB`. */
export function shownBytes(bytes) {
  if (bytes < KIB) return `${bytes.toFixed(0)} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes / KIB;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= KIB;
  return `${threeDigits(value)} ${units[unit]}`;
}

/** A short time: `12 ms`, `3.4 s`, `56 s`. */
export function shownMs(ms) {
  if (ms < 999.5) return `${ms.toFixed(ms > 0 && ms < 9.95 && !Number.isInteger(ms) ? 1 : 0)} ms`;
  return `${(ms / SECOND).toFixed(ms < 9950 ? 1 : 0)} s`;
}

/** A long time, in whole units: `12s`, `3m 4s`, `5h 6m`, `7d 8h`. */
export function shownTime(ms) {
  const part = (unit, of, name) => `${Math.floor((ms % of) / unit)}${name}`;
  if (ms < MINUTE) return part(SECOND, MINUTE, 's');
  if (ms < HOUR) return `${part(MINUTE, HOUR, 'm')} ${part(SECOND, MINUTE, 's')}`;
  if (ms < DAY) return `${part(HOUR, DAY, 'h')} ${part(MINUTE, HOUR, 'm')}`;
  return `${Math.floor(ms / DAY)}d ${part(HOUR, DAY, 'h')}`;
}

/** `0 %` to `100 %`; what is more than nothing is not shown as nothing. */
export function shownShare(share) {
  return share > 0 && share < 0.005 ? '<1 %' : `${(share * 100).toFixed(0)} %`;
}

/** `13:14:15`, of a moment in ms since 1970. */
export const shownClock = (atMs) => new Date(atMs).toLocaleTimeString('en-GB');

/** More runs of ids than this are only counted. */
const MAX_RUNS = 4;

/** `loop 3`, `loops 0–3, 7`, `12 loops`. */
export function shownLoops(ids) {
  const runs = [];
  for (const id of ids.toSorted((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run !== undefined && id <= run.last + 1) run.last = id;
    else runs.push({ first: id, last: id });
  }
  if (runs.length > MAX_RUNS) return `${ids.length} loops`;
  const shown = runs.map(({ first, last }) =>
    first === last ? `${first}` : `${first}${last === first + 1 ? ', ' : '–'}${last}`,
  );
  return `loop${ids.length === 1 ? '' : 's'} ${shown.join(', ')}`;
}
