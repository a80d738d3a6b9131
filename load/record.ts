/** What every benchmark here does with its samples: medians, and a file that says where and how they were taken. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);

export const median = (numbers: readonly number[]): number => quantile(numbers, 1 / 2);

/** The number below which so large a share of them lies. */
export function quantile(numbers: readonly number[], share: number): number {
  const index = Math.min(numbers.length - 1, Math.floor(numbers.length * share));
  return sorted(numbers)[index] ?? Number.NaN;
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

/** Writes load/results/NAME.json. */
export function writeRecord(name: string, what: Record<string, unknown>): void {
  const results = fileURLToPath(new URL('results/', import.meta.url));
  const [cpu] = cpus();
  const [, script = '', ...args] = process.argv;
  const record = {
    date: new Date().toISOString(),
    commit: execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim(),
    machine: { cpu: cpu?.model, cores: cpus().length, kernel: release(), node: process.version },
    command: ['tsx', relative('', script), ...args].join(' '),
    ...what,
  };
  mkdirSync(results, { recursive: true });
  writeFileSync(`${results}${name}.json`, `${JSON.stringify(record, null, 2)}\n`);
}
