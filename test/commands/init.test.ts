import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { Client } from '../harness/client.ts';
import { runCommand } from '../harness/command.ts';

const TIMEOUT_MS = 180_000;
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

/** What npm sets for the scripts it runs is not for the npm that a test runs. */
const ENV = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle|config_(local_|global_)?prefix)|NODE_|VITEST|INIT_CWD)/.test(name),
  ),
);

function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), 'polyloop-init-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

const manifest = (directory: string): { name: string; dependencies: Record<string, string> } =>
  JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));

const files = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();

test('writes an app, its test and what is needed around them', async () => {
  const directory = join(scratch(), 'a', 'demo');
  const { code, stdout, errors } = await runCommand(['init', directory]);
  expect({ code, errors }).toEqual({ code: 0, errors: [''] });
  expect(stdout).toContain(`cd ${directory}`);
  expect(files(directory)).toEqual(
    ['.gitignore', 'README.md', 'app.test.ts', 'app.ts', 'dev.js', 'package.json', 'tsconfig.json'].sort(),
  );
  expect(manifest(directory)).toMatchObject({ name: 'demo', dependencies: { polyloop: `^${version}` } });
});

test.each([
  ['My App!', 'my-app'],
  ['.hidden', 'hidden'],
  ['über', 'ber'],
  ['…', 'polyloop-app'],
  ['polyloop', 'polyloop-app'],
])('gives the package a name that npm accepts when the directory is %s', async (name, expected) => {
  const directory = join(scratch(), name);
  expect((await runCommand(['init', directory])).code).toBe(0);
  expect(manifest(directory).name).toBe(expected);
});

test('takes a directory that exists when it is empty', async () => {
  const directory = scratch();
  expect((await runCommand(['init', directory])).code).toBe(0);
  expect(files(directory)).toContain('package.json');
});

test('says so in one line and changes nothing when the directory is not empty', async () => {
  const directory = scratch();
  writeFileSync(join(directory, '.env'), 'KEEP=1\n');
  const { code, stdout, errors } = await runCommand(['init', directory]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(errors).toEqual([expect.stringContaining(`${directory} is not empty`)]);
  expect(files(directory)).toEqual(['.env']);
  expect(readFileSync(join(directory, '.env'), 'utf8')).toBe('KEEP=1\n');
});

test('says so in one line when there is a file of that name, or in place of a directory above', async () => {
  const file = join(scratch(), 'file');
  writeFileSync(file, '');
  for (const [path, why] of [
    [file, 'is not a directory'],
    [join(file, 'demo'), 'ENOTDIR'],
  ] as const) {
    const { code, stdout, errors } = await runCommand(['init', path]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(errors).toEqual([expect.stringContaining(why)]);
  }
});

// ── as a user does it, with the package as it would be published ──

const hasRegistry =
  spawnSync('npm', ['ping', '--fetch-retries=0', '--fetch-timeout=5000'], { env: ENV }).status === 0;
if (!hasRegistry) console.warn('skipped: the registry of npm cannot be reached, so nothing can be installed');

const run = promisify(execFile);
const npm = async (cwd: string, ...args: string[]): Promise<string> =>
  (await run('npm', args, { cwd, env: ENV, maxBuffer: 16 * 1024 * 1024 })).stdout;

/** `npm start` on a free port; the port. */
async function start(cwd: string): Promise<number> {
  const child: ChildProcess = spawn('npm', ['start'], {
    cwd,
    env: { ...ENV, PORT: '0', POLYLOOP_ADMIN_PORT: '0', POLYLOOP_WORKERS: '2' },
    stdio: ['ignore', 'pipe', 'inherit'],
    // npm starts a shell that starts the server: a group of its own, to be ended together.
    detached: true,
  });
  const exit = once(child, 'close');
  onTestFinished(async () => {
    process.kill(-(child.pid ?? 0), 'SIGTERM');
    await exit;
  });
  if (child.stdout === null) throw new Error('npm has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    const [, port] = /"port":(\d+).*"msg":"listening"/.exec(line) ?? [];
    if (port !== undefined) return Number(port);
  }
  throw new Error('npm start ended without a server');
}

test.skipIf(!hasRegistry)(
  'writes an app that installs, builds, passes its test and serves when polyloop comes as a package',
  async () => {
    const base = scratch();
    // The build is at hand; making another one would take it from under other tests.
    await npm('.', 'pack', '--ignore-scripts', '--pack-destination', base);
    const tarball = join(base, `polyloop-${version}.tgz`);
    await npm(base, 'install', '--prefer-offline', '--prefix', base, tarball);
    // By the code in the package, so that a file which is not in it is missed.
    await npm(base, 'exec', '--', 'polyloop', 'init', 'demo');

    const demo = join(base, 'demo');
    const content = manifest(demo);
    content.dependencies.polyloop = `file:${tarball}`;
    writeFileSync(join(demo, 'package.json'), JSON.stringify(content));
    await npm(demo, 'install', '--prefer-offline');
    expect(await npm(demo, 'test')).toMatch(/^# pass 2\n# fail 0$/m);

    const port = await start(demo);
    const client = await Client.open(`ws://127.0.0.1:${port}/chat/a?name=ada`);
    expect(await client.next()).toBe('you are visitor 1');
    client.send('hello');
    expect(await client.next()).toBe('ada: hello');
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    expect(await answer.json()).toEqual({ visitors: 1 });
  },
  TIMEOUT_MS,
);
