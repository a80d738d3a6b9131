/** What every benchmark here does with its samples: medians, and a file that says where and how they were taken. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);

export const median = (numbers: readonly number[]): number => quantile(numbers, 1 / 2);

/** The number below which so large a share of them lies. */
export function quantile(numbers: readonly number[], share: number): number {
  const index = Math.min(numbers.length - 1, Math.floor(numbers.length * share));
  return sorted(numbers)[index] ?? Number.NaN;
}

/** The number that an option of a program here stands for. Ends the program when it is none. */
export function positive(option: string, text: string): number {
  const number = Number(text);
  if (number > 0 && Number.isFinite(number)) return number;
  process.stderr.write(`--${option} "${text}": not a number above 0\n`);
  process.exit(2);
}

/** The same, of what is counted. */
export function whole(option: string, text: string): number {
  const number = positive(option, text);
  if (Number.isInteger(number)) return number;
  process.stderr.write(`--${option} "${text}": not a whole number\n`);
  process.exit(2);
}

/** The name of a record that an option of a program here stands for. Ends the program when it is none. */
export function recordName(text: string): string {
  if (/^[\w-]+$/.test(text)) return text;
  process.stderr.write(
    `--out "${text}": not a name of letters, digits, - and _; it becomes load/results/NAME.json\n`,
  );
  process.exit(2);
}

/** `median (low to high)`, with as many digits as tell something. */
export function spread(numbers: readonly number[], digits = 2): string {
  const [low, middle, high] = [0, 1 / 2, 1].map((share) => quantile(numbers, share).toFixed(digits));
  return `${middle} (${low} to ${high})`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')).replaceAll(' ', '') + rows.map(line).join('');
}

/** Where and how something was measured. */
export interface MeasuredAt {
  readonly date: string;
  readonly commit: string;
  /** Files differ from that commit. */
  readonly isChanged: boolean;
  readonly machine: {
    readonly cpu: string | undefined;
    readonly cores: number;
    readonly memoryGib: number;
    readonly kernel: string;
    readonly node: string;
  };
  readonly command: string;
}

const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();

export function thisRecord(): MeasuredAt {
  const [cpu] = cpus();
  const [, script = '', ...args] = process.argv;
  return {
    date: new Date().toISOString(),
    commit: git('rev-parse', 'HEAD'),
    isChanged: git('status', '--porcelain', '--', 'src', 'load', ':!load/results') !== '',
    machine: {
      cpu: cpu?.model,
      cores: cpus().length,
      memoryGib: Math.round(totalmem() / 1024 ** 3),
      kernel: release(),
      node: process.version,
    },
    command: ['tsx', relative('', script), ...args].join(' '),
  };
}

/** Writes load/results/NAME.json. */
export function writeRecord(name: string, what: object): void {
  const results = fileURLToPath(new URL('results/', import.meta.url));
  mkdirSync(results, { recursive: true });
  writeFileSync(`${results}${name}.json`, `${JSON.stringify({ ...thisRecord(), ...what }, null, 2)}\n`);
}
