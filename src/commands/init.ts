/** `polyloop init`: writes a small app in TypeScript, with a test. Its files are those of `init/template`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileError } from '../errors.ts';
import { version } from '../version.ts';
import { failed } from './command.ts';
import { readArguments, type Usage } from './usage.ts';

const TEMPLATE = fileURLToPath(new URL('./init/template', import.meta.url));

export const usage = {
  synopsis: 'init DIR',
  about: `Writes a small app in TypeScript with a test into DIR, which must not exist yet or be empty: an app module, a test
that starts a server, and what is needed to build, test and run it.`,
  flags: {},
} as const satisfies Usage;

export async function run(args: readonly string[]): Promise<number> {
  const { argument = '' } = readArguments(usage, args);
  const directory = resolve(argument);
  const obstacle = findObstacle(directory);
  if (obstacle !== null)
    return failed(`init: ${directory} ${obstacle}; give a directory that is empty or does not exist`);
  try {
    for (const file of templateFiles()) write(directory, file);
  } catch (cause) {
    throw new FileError(`init: cannot write ${directory}: ${(cause as Error).message}`, { cause });
  }
  process.stdout.write(`A Polyloop app is in ${directory}. Next:

  cd ${argument}
  npm install
  npm test
  npm start
`);
  return 0;
}

function findObstacle(directory: string): string | null {
  if (!existsSync(directory)) return null;
  if (!statSync(directory).isDirectory()) return 'is not a directory';
  return readdirSync(directory).length === 0 ? null : 'is not empty';
}

const templateFiles = (): string[] =>
  readdirSync(TEMPLATE, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(TEMPLATE, path)).isFile(),
  );

function write(directory: string, file: string): void {
  const text = readFileSync(join(TEMPLATE, file), 'utf8');
  // npm leaves a .gitignore out of packages, so it has another name in the template.
  const path = join(directory, file === 'gitignore' ? '.gitignore' : file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, file === 'package.json' ? manifest(text, directory) : text, { flag: 'wx' });
}

/** The template's, with its own name and this version of Polyloop. */
function manifest(text: string, directory: string): string {
  const content = JSON.parse(text) as { name: string; dependencies: Record<string, string> };
  content.name = packageName(directory);
  content.dependencies.polyloop = `^${version()}`;
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** The directory's name, as far as npm accepts it. */
function packageName(directory: string): string {
  const name = basename(directory)
    .toLowerCase()
    .replace(/[^a-z\d._-]+/g, '-')
    .replace(/^[._-]+|[._-]+$/g, '')
    .slice(0, 200);
  // A package cannot depend on one of its own name.
  return name === '' || name === 'polyloop' || name === 'typescript' ? `${name || 'polyloop'}-app` : name;
}
