/** The published package in the hands of a user who writes TypeScript. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pack } from '../harness/packed-package.ts';
import { typeErrors } from '../harness/type-errors.ts';
import { UserProject } from '../harness/user-project.ts';

const TIMEOUT_MS = 180_000;
const run = promisify(execFile);

const APP = `
import { defineApp, type ServerWebSocket } from 'polyloop';

export default defineApp((loop) => {
  loop.webSocket('/greet/:name', {
    onUpgrade(ws: ServerWebSocket<string>, req) {
      ws.data = req.params.name;
      loop.log.info({ name: ws.data }, 'greeted');
      ws.send(\`hello \${ws.data}\`);
    },
  });
  loop.fetch((request) => new Response(request.url));
});
`;
const MAIN = `
import { connect, Server } from 'polyloop';

const server = await Server.start({
  app: new URL('./app.js', import.meta.url),
  host: '127.0.0.1',
  port: 0,
  adminPort: 0,
  workers: 1,
  logLevel: 'silent',
});
const port: number = server.port;
const ws = await connect(\`ws://127.0.0.1:\${port}/greet/ada\`);
ws.onText((ws, text) => {
  console.log(text);
  ws.close();
});
await ws.onClose;
await server.close();
`;
/** Fails to compile unless the types of the package are known. */
const MISUSE = `
import { Server } from 'polyloop';

const server = await Server.start();
// @ts-expect-error: a port is a number.
export const port: string = server.port;
`;

const project = new UserProject();
let files: string[];
beforeAll(async () => {
  const { tarball } = await pack(project.folder);
  mkdirSync(project.path('node_modules/polyloop'));
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', project.path('node_modules/polyloop')]);
  const { dependencies } = JSON.parse(
    readFileSync(project.path('node_modules/polyloop/package.json'), 'utf8'),
  ) as { dependencies: Record<string, string> };
  for (const name of [...Object.keys(dependencies), '@types/node']) project.link(name);
  files = Object.entries({ 'app.ts': APP, 'main.ts': MAIN, 'misuse.ts': MISUSE }).map(([name, text]) =>
    project.write(name, text),
  );
}, TIMEOUT_MS);
afterAll(() => project.remove());

/** Declarations are checked too: with everything strict, and no types of packages but those that come with them, and of Node. */
const STRICT: ts.CompilerOptions = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  target: ts.ScriptTarget.ES2022,
  types: ['node'],
};

it.each([
  ['NodeNext', { module: ts.ModuleKind.NodeNext }],
  [
    'a bundler and the types of a browser',
    {
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    },
  ],
])(
  'has types without an error when they are resolved for %s',
  (_, options) => {
    const typeRoots = [project.path('node_modules/@types')];
    expect(typeErrors(files, { ...STRICT, ...options, typeRoots })).toEqual([]);
  },
  TIMEOUT_MS,
);

/** Packages that declarations name, from `file` on. */
function packagesNamedFrom(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  return ts
    .preProcessFile(readFileSync(file, 'utf8'))
    .importedFiles.flatMap(({ fileName }) =>
      fileName.startsWith('.')
        ? packagesNamedFrom(join(dirname(file), fileName.replace(/\.[jt]s$/, '.d.ts')), seen)
        : [fileName],
    );
}

it('needs types of no package but those that bring their own, and of Node', () => {
  const named = packagesNamedFrom(project.path('node_modules/polyloop/dist/index.d.ts'));
  const packages = new Set(named.filter((name) => !name.startsWith('node:')));
  expect([...packages].sort()).toEqual(['pino', 'uWebSockets.js']);
});

it(
  'serves a client from where it is installed',
  async () => {
    for (const [name, text] of Object.entries({ 'app.js': APP, 'main.js': MAIN })) {
      const { outputText } = ts.transpileModule(text, {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      });
      project.write(name, outputText);
    }
    const { stdout, stderr } = await run(process.execPath, [project.path('main.js')]);
    expect({ stdout, stderr }).toEqual({ stdout: 'hello ada\n', stderr: '' });
  },
  TIMEOUT_MS,
);
