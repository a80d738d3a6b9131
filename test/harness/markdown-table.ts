/** The rows of the first table under a heading of a Markdown file: cells in plain text, without the header row. */
import { readFileSync } from 'node:fs';

export function markdownTable(file: URL, heading: string): string[][] {
  const [, section] = `\n${readFileSync(file, 'utf8')}`.split(`\n## ${heading}\n`);
  const lines = (section ?? '').split('\n');
  const start = lines.findIndex((line) => line.startsWith('|'));
  if (start < 0) throw new Error(`${file.pathname} has no table under "${heading}"`);
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  const rows = lines.slice(start, length < 0 ? undefined : start + length);
  return rows.slice(2).map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  );
}

/** The code spans of a cell: "`a.ts`, `b/`" has two. */
export const codeSpans = (cell: string): string[] =>
  Array.from(cell.matchAll(/`([^`]+)`/g), ([, span = '']) => span);
