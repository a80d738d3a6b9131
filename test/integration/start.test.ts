import { resolve } from 'node:path';
import { AppLoadError, ConfigError, Server } from 'polyloop';
import { expect, test } from 'vitest';
import { type Outcome, runCommand } from '../harness/command.ts';
import { temporaryFile } from '../harness/temporary-file.ts';

const broken = (name: string): string => resolve('test/fixtures/broken', name);

async function runApp(path: string, workers = 1): Promise<Outcome & { text: string }> {
  const outcome = await runCommand(['--port', '0', '--workers', String(workers), '--app', path]);
  return { ...outcome, text: outcome.errors.join('\n') };
}

test('names the file and ends when the config file is missing', async () => {
  const { code, signal, errors } = await runCommand(['--config', '/no/such/polyloop.json']);
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain('/no/such/polyloop.json');
});

test('names the file and ends when the config file is a directory', async () => {
  const { code, signal, errors } = await runCommand(['--config', 'test']);
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain(resolve('test'));
});

test('names the file and ends when the app module is missing', async () => {
  const { code, signal, text } = await runApp('/no/such/app.js', 4);
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(text).toContain('cannot load app module /no/such/app.js');
});

test('names the file and what it lacks when a module that the app imports is missing', async () => {
  const { code, text } = await runApp(broken('imports-nothing.js'));
  expect(code).toBe(1);
  expect(text).toContain(`cannot load app module ${broken('imports-nothing.js')}`);
  expect(text).toContain('is-not-there.js');
});

test('names the file and ends when the app module is not JavaScript', async () => {
  const path = temporaryFile('app.mjs', 'export default defineApp(() => {{);\n');
  const { code, text } = await runApp(path);
  expect(code).toBe(1);
  expect(text).toContain(`cannot load app module ${path}`);
  expect(text).toContain('SyntaxError');
});

test.each([
  ['throws at import', 'throws-at-import.js', 'no app today', /throws-at-import\.js:1:/],
  ['throws in its setup', 'setup-throws.js', 'no setup today', /brokenSetup.*setup-throws\.js:4:/],
  ['rejects in its setup', 'setup-rejects.js', 'no setup today', /brokenSetup.*setup-rejects\.js:5:/],
  [
    'takes a path twice',
    'takes-a-path-twice.js',
    '"/chat" is taken',
    /brokenSetup.*takes-a-path-twice\.js:5:/,
  ],
])("shows the file, the error and the loop's own stack when the app %s", async (_, name, message, stack) => {
  for (const workers of [1, 4]) {
    const { code, signal, stdout, text } = await runApp(broken(name), workers);
    expect({ code, signal, stdout }).toEqual({ code: 1, signal: null, stdout: '' });
    expect(text).toContain(`cannot load app module ${broken(name)}`);
    expect(text).toContain(message);
    expect(text).toMatch(stack);
  }
});

test('shows the file and the error when the app fails on one loop of several', async () => {
  const { code, signal, text } = await runApp(broken('setup-throws-on-one-loop.js'), 4);
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(text).toMatch(/brokenSetup.*setup-throws-on-one-loop\.js:4:/);
});

test('shows the file and the error when the app fails on one loop while another is busy', async () => {
  const path = broken('setup-throws-beside-busy-loop.js');
  const { code, signal, text } = await runApp(path, 2);
  expect(text).toContain(`cannot load app module ${path}`);
  expect(text).toMatch(/brokenSetup.*setup-throws-beside-busy-loop\.js:6:/);
  expect({ code, signal }).toEqual({ code: 1, signal: null });
});

test('shows the file and the thrown value when the app throws something that is no error', async () => {
  const { code, text } = await runApp(broken('setup-throws-text.js'));
  expect(code).toBe(1);
  expect(text).toContain(`cannot load app module ${broken('setup-throws-text.js')}`);
  expect(text).toContain('no setup today');
});

test('names the file and defineApp when the module has no app as its default export', async () => {
  const { code, text } = await runApp(broken('no-define-app.js'));
  expect(code).toBe(1);
  expect(text).toContain(`cannot load app module ${broken('no-define-app.js')}`);
  expect(text).toContain('defineApp');
});

test('ends with an error when the setup exits the thread', async () => {
  const { code, signal, text } = await runApp(broken('setup-exits.js'), 2);
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(text).toContain('ended before it was ready');
});

test('ends with the error when the setup leaves a rejected promise behind', async () => {
  const { code, signal, text } = await runApp(broken('setup-leaves-rejection.js'), 2);
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(text).toContain('no setup today');
});

test("rejects with the error's code, the file and the loop's stack as its cause when a program starts a broken app", async () => {
  const path = broken('setup-throws.js');
  const error = await Server.start({
    app: path,
    port: 0,
    adminPort: 0,
    workers: 2,
    logLevel: 'silent',
  }).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(AppLoadError);
  expect(error).toMatchObject({ code: 'APP_LOAD_FAILED', file: path, cause: { name: 'RangeError' } });
  expect((error as AppLoadError & { cause: Error }).cause.stack).toContain('setup-throws.js:4:');
});

test('rejects with the name and what it accepts when a program gives an invalid option', async () => {
  await expect(Server.start({ port: 70_000 })).rejects.toThrow(/port.*70000.*0 to 65535/);
  await expect(Server.start({ port: 70_000 })).rejects.toBeInstanceOf(ConfigError);
  await expect(Server.start({ prot: 3000 } as object)).rejects.toThrow(/"prot"/);
});
