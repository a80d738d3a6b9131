/** Figures as a table shows them: short, and in plain text. */
import { stripVTControlCharacters } from 'node:util';

const KIB = 1024;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const threeDigits = (value: number): string =>
  value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);

/** `0`, `9999`, `12.3k`, `4.56M`. */
export function shownCount(count: number): string {
  if (count < 9999.5) return count.toFixed(0);
  return count < 999_500 ? `${threeDigits(count / 1e3)}k` : `${threeDigits(count / 1e6)}M`;
}

/** `512 B`, `1.50 MiB`. */
export function shownBytes(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  if (bytes < KIB) return `${bytes.toFixed(0)} B`;
  let value = bytes / KIB;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= KIB;
  return `${threeDigits(value)} ${units[unit]}`;
}

/** `12s`, `3m 4s`, `5h 6m`, `7d 8h`. */
export function shownTime(ms: number): string {
  const part = (unit: number, of: number, name: string): string => `${Math.floor((ms % of) / unit)}${name}`;
  if (ms < MINUTE) return part(SECOND, MINUTE, 's');
  if (ms < HOUR) return `${part(MINUTE, HOUR, 'm')} ${part(SECOND, MINUTE, 's')}`;
  if (ms < DAY) return `${part(HOUR, DAY, 'h')} ${part(MINUTE, HOUR, 'm')}`;
  return `${Math.floor(ms / DAY)}d ${part(HOUR, DAY, 'h')}`;
}

/** `0 %` to `100 %`. */
export const shownShare = (share: number): string => `${(share * 100).toFixed(0)} %`;

/** On one line, and without anything that a terminal would obey. */
export const plainText = (text: string): string =>
  stripVTControlCharacters(text)
    .replace(/[\t\r\n\u2028\u2029]+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}]/gu, '');
