/** Holds the imports of every file in src to the table in docs/architecture.md. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { importsOf, onlyReExportsByName } from './harness/imports.ts';
import { codeSpans, markdownTable } from './harness/markdown-table.ts';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));
const MAX_LINES = 600;
/** They say nothing of what is inside. */
const EMPTY_NAMES = ['utils', 'common', 'helpers', 'types'];

const paths = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).map((path) =>
  path.replaceAll('\\', '/'),
);
/** What `polyloop init` writes is a package of its own. */
const TEMPLATE = 'commands/init/template/';
const files = paths.filter((path) => /\.[jt]s$/.test(path) && !path.startsWith(TEMPLATE));
const read = (file: string): string => readFileSync(SRC + file, 'utf8');

const rows = new Map(
  markdownTable(new URL('../docs/architecture.md', import.meta.url), 'Imports').map(
    ([owner = '', values = '', types = '', packages = '', node = '']) => [
      codeSpans(owner)[0],
      { values: codeSpans(values), types: codeSpans(types), packages: codeSpans(packages), node },
    ],
  ),
);
/** The row of a file: its own, or that of its folder in src. */
const rowOf = (file: string): string => file.replace(/\/.*$/, '/');

function violations(file: string, text: string): string[] {
  const row = rows.get(rowOf(file));
  if (row === undefined) return [`${rowOf(file)} is not in the table`];
  const isAllowed = (from: string, isTypeOnly: boolean): boolean => {
    if (from.startsWith('node:')) return row.node === 'any' || codeSpans(row.node).includes(from);
    if (!from.startsWith('.')) return row.packages.includes(from);
    const target = rowOf(posix.join(posix.dirname(file), from));
    const isOwnFolder = target === rowOf(file) && target.endsWith('/');
    return isOwnFolder || row.values.includes(target) || (isTypeOnly && row.types.includes(target));
  };
  return importsOf(text)
    .filter(({ from, isTypeOnly }) => !isAllowed(from, isTypeOnly))
    .map(({ from, isTypeOnly }) => `${file} may not import ${isTypeOnly ? 'types of ' : ''}${from}`);
}

describe.each(files)('src/%s', (file) => {
  it('imports only what the table allows', () => {
    expect(violations(file, read(file))).toEqual([]);
  });

  it(`has at most ${MAX_LINES} lines`, () => {
    expect(read(file).split('\n').length).toBeLessThanOrEqual(MAX_LINES);
  });
});

it('has every folder of src in the table', () => {
  const entries = readdirSync(SRC, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(entries.map(({ name }) => `${name}/`).filter((folder) => !rows.has(folder))).toEqual([]);
});

it('has no file or folder with an empty name', () => {
  const names = paths.map((path) => posix.basename(path).replace(/\..*$/, '').toLowerCase());
  expect(names.filter((name) => EMPTY_NAMES.includes(name))).toEqual([]);
});

it('has nothing but re-exports by name in index.ts', () => {
  expect(onlyReExportsByName(read('index.ts'))).toBe(true);
  for (const text of ["export * from './app.ts';", "export * as x from './app.ts';", 'export const x = 1;'])
    expect(onlyReExportsByName(text)).toBe(false);
});

it.each([
  ['workers/x.ts', "import { Server } from '../primary/primary.ts';"],
  ['workers/x.ts', "import type { Server } from '../primary/primary.ts';"],
  ['workers/x.ts', "import { type Config, configOf } from '../config.ts';"],
  ['workers/x.ts', "import * as uWS from 'uWebSockets.js';"],
  ['primary/x.ts', "import { plainError } from '../workers/messages.ts';"],
  ['primary/x.ts', "import { type LoopBirth } from '../workers/messages.ts';"],
  ['primary/x.ts', "const late = await import('../workers/loop.ts');"],
  ['shared/x.ts', "import type { WebSocket } from '../websocket.ts';"],
  ['shared/x.ts', "import { readFileSync } from 'node:fs';"],
  ['client/x.ts', "export type { LoopBirth } from '../workers/messages.ts';"],
  ['demo/x.ts', "import type { LoopSnapshot } from '../shared/control-block.ts';"],
  ['server.ts', "import './config.ts';"],
  ['server.ts', "import './demo/app.ts';"],
  ['commands/x.ts', "import { Loop } from '../workers/loop.ts';"],
  ['config.ts', "type App = import('./app.ts').AppModule;"],
  ['errors.ts', "import { hostname } from 'node:os';"],
  ['elsewhere/x.ts', ''],
])('tells when a rule is broken: %s with %s', (file, text) => {
  expect(violations(file, text)).toHaveLength(1);
});
