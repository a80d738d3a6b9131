/** Compiles the snippets of the README and the documents that are whole: that import this package, or say which file they are. */
import { readdirSync } from 'node:fs';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { codeBlocks } from './harness/code-block.ts';
import { typeErrors } from './harness/type-errors.ts';
import { REPOSITORY, UserProject } from './harness/user-project.ts';

const TIMEOUT_MS = 180_000;
const ROOT = new URL('../', import.meta.url);
/** A first line such as `// app.js: loaded once on every loop`. */
const FILE_NAME = /^\/\/ ([\w-]+\.[jt]s)\b/;
const DOCUMENTS = [
  'README.md',
  ...readdirSync(new URL('docs/', ROOT))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Names that the snippets in TypeScript of a document leave to the reader. */
const FREE_NAMES: Readonly<Record<string, string>> = {
  'README.md': `
    import type { LoopContext, ServerWebSocket, Tasks } from 'polyloop';
    declare const loop: LoopContext;
    declare const ws: ServerWebSocket;
    declare const tasks: Tasks<{ hash(password: string): Uint8Array }>;
    declare const [epoch, sequence, password, ip]: [string, number, string, string];`,
  'docs/client.md': 'declare function show(text: string): void;',
};

interface Snippet {
  readonly name: string;
  readonly text: string;
}

/** All snippets of the README, and the whole ones of a document. */
function snippets(document: string, language: string): Snippet[] {
  return codeBlocks(new URL(document, ROOT), language)
    .map((text, index) => ({ name: FILE_NAME.exec(text)?.[1] ?? `snippet-${index + 1}.${language}`, text }))
    .filter(
      ({ text }) => document === 'README.md' || FILE_NAME.test(text) || text.includes("from 'polyloop'"),
    );
}

const project = new UserProject();
beforeAll(() => {
  project.link('polyloop', REPOSITORY);
  project.link('@types/node');
});
afterAll(() => project.remove());

/** Writes the snippets of each document into a folder of its own; returns their paths. */
function write(language: string): string[] {
  return DOCUMENTS.flatMap((document) =>
    snippets(document, language).map(({ name, text }) => {
      const freeNames = language === 'ts' ? (FREE_NAMES[document] ?? '') : '';
      return project.write(`${document.replace('.md', '')}/${name}`, text + freeNames);
    }),
  );
}

it.each([
  // What JavaScript does not say of its arguments is not asked for.
  ['js', { allowJs: true, checkJs: true, noImplicitAny: false }],
  ['ts', {}],
])(
  'has %s in the README and the documents that compiles',
  (language, options) => {
    const files = write(language);
    expect(files.filter((file) => file.includes('README'))).not.toEqual([]);
    const errors = typeErrors(files, {
      strict: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
      types: ['node'],
      typeRoots: [project.path('node_modules/@types')],
      ...options,
    });
    expect(errors).toEqual([]);
  },
  TIMEOUT_MS,
);
