/** What is published: the files, and what the package says of itself. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PackedPackage, pack } from '../harness/packed-package.ts';
import { REPOSITORY, UserProject } from '../harness/user-project.ts';

const TIMEOUT_MS = 180_000;
const MAX_BYTES = 600_000;
/** Folders of src that are shipped as they are. */
const ASSETS = /^(demo\/page|primary\/admin\/page|commands\/init\/template)\//;
/** Shipped from another package, beside the live page. */
const UPLOT = ['uPlot.esm.js', 'uPlot.min.css', 'uPlot.LICENSE.txt'];

const project = new UserProject();
let packed: PackedPackage;
beforeAll(async () => {
  packed = await pack(project.folder);
}, TIMEOUT_MS);
afterAll(() => project.remove());

const filesIn = (folder: string): string[] =>
  readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => statSync(join(REPOSITORY, folder, path)).isFile());

/** What a file of src becomes. */
const built = (path: string): string[] =>
  ASSETS.test(path)
    ? [`dist/${path}`]
    : ['js', 'd.ts'].map((ending) => `dist/${path.replace(/\.ts$/, `.${ending}`)}`);

it('has the built code, the pages and templates, the documents, and nothing else', () => {
  const expected = [
    ...['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'],
    ...filesIn('docs').map((path) => `docs/${path}`),
    ...filesIn('src').flatMap(built),
    ...UPLOT.map((name) => `dist/primary/admin/page/${name}`),
  ];
  expect(packed.files.map(({ path }) => path).sort()).toEqual(expected.sort());
});

it('has a command that can be executed', () => {
  expect(packed.files.find(({ path }) => path === 'dist/server.js')?.mode).toBe(0o755);
});

it(`takes at most ${MAX_BYTES} bytes to download`, () => {
  expect(packed.size).toBeLessThanOrEqual(MAX_BYTES);
});

it(
  'gives publint nothing to say',
  async () => {
    const tarball = new Uint8Array(readFileSync(packed.tarball)).buffer;
    const { messages, pkg = {} } = await publint({ strict: true, pack: { tarball } });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  },
  TIMEOUT_MS,
);

it(
  'has types that are found wherever its code is',
  async () => {
    const attw = join(REPOSITORY, 'node_modules/.bin/attw');
    const run = promisify(execFile)(attw, [packed.tarball, '--profile', 'esm-only', '--format', 'ascii']);
    // It exits with 1 and says what is wrong on standard output.
    const problem = await run.then(
      () => '',
      (error: { stdout?: string; message: string }) => error.stdout || error.message,
    );
    expect(problem).toBe('');
  },
  TIMEOUT_MS,
);
