import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { Client } from '../harness/client.ts';
import { runCommand } from '../harness/command.ts';
import { type LogLine, ServerProcess } from '../harness/server-process.ts';
import { temporaryFile } from '../harness/temporary-file.ts';

const FLAGS = [
  '--app',
  '--workers',
  '--host',
  '--port',
  '--accept',
  '--placement',
  '--max-payload',
  '--max-backpressure',
  '--idle-timeout',
  '--drain-timeout',
  '--compression',
  '--log-level',
  '--config',
  '--help',
  '--version',
];
const APP = resolve('test/fixtures/which-loop.js');

/** What the server says of its settings when it starts, in one object. */
async function settings(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<LogLine> {
  const server = new ServerProcess(args, env);
  await server.line('limits');
  const said = Object.assign({}, ...server.lines) as LogLine;
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(server.stderr).toBe('');
  return said;
}

const BASE = ['--port', '0', '--workers', '1'];

test('prints every option with its default and exits when asked for help', async () => {
  const { code, stdout, errors } = await runCommand(['--help']);
  expect(code).toBe(0);
  expect(errors).toEqual(['']);
  for (const flag of FLAGS) expect(stdout).toContain(`  ${flag} `);
  for (const standard of [
    '3000',
    '65536',
    '1048576',
    '120s',
    '10s',
    'least-connections',
    'primary',
    'info',
  ]) {
    expect(stdout).toContain(`[${standard}]`);
  }
});

test('prints the version of the package and exits when asked for it', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(await runCommand(['--version'])).toMatchObject({ code: 0, stdout: version, errors: [''] });
});

test('takes a value from the flag, then the environment, then the file, then the default when several give one', async () => {
  const file = ['--config', temporaryFile('polyloop.json', '{ "maxPayload": 1000, "drainTimeoutMs": 4000 }')];
  const env = { POLYLOOP_MAX_PAYLOAD: '2000' };
  const flag = ['--max-payload', '3000'];
  expect(await settings(BASE)).toMatchObject({ maxPayload: 65_536, drainTimeoutMs: 10_000 });
  expect(await settings([...BASE, ...file])).toMatchObject({ maxPayload: 1000, drainTimeoutMs: 4000 });
  expect(await settings([...BASE, ...file], env)).toMatchObject({ maxPayload: 2000, drainTimeoutMs: 4000 });
  expect(await settings([...BASE, ...file, ...flag], env)).toMatchObject({ maxPayload: 3000 });
});

test('takes the port from the flag, then POLYLOOP_PORT, then PORT when several give one', async () => {
  // A value that is not used is not looked at, so a bad one shows which is used.
  const workers = ['--workers', '1'];
  expect(
    (await settings([...workers, '--port', '0'], { PORT: 'bad', POLYLOOP_PORT: 'bad' })).port,
  ).toBeGreaterThan(0);
  expect((await settings(workers, { PORT: 'bad', POLYLOOP_PORT: '0' })).port).toBeGreaterThan(0);
  expect((await settings(workers, { PORT: '0' })).port).toBeGreaterThan(0);
  const file = temporaryFile('polyloop.json', '{ "port": 99999 }');
  expect((await settings([...workers, '--config', file], { PORT: '0' })).port).toBeGreaterThan(0);
  expect((await runCommand(workers, { PORT: 'bad' })).errors[0]).toContain('PORT: "bad"');
});

const EVERY_OPTION = {
  workers: '2',
  host: '127.0.0.1',
  port: '0',
  accept: 'primary',
  placement: 'round-robin',
  'max-payload': '32KiB',
  'max-backpressure': '2MiB',
  'idle-timeout': '0',
  'drain-timeout': '1500ms',
  compression: 'true',
  'log-level': 'debug',
};
const EVERY_SETTING = {
  workers: 2,
  host: '127.0.0.1',
  accept: 'primary',
  placement: 'round-robin',
  maxPayload: 32 * 1024,
  maxBackpressure: 2 * 1024 * 1024,
  idleTimeoutMs: 0,
  drainTimeoutMs: 1500,
  app: APP,
};

test('understands every option as a flag with its value after it, after an equals sign, in the environment and in the file', async () => {
  const options = Object.entries({ ...EVERY_OPTION, app: APP });
  const apart = options.flatMap(([name, value]) =>
    name === 'compression' ? ['--compression'] : [`--${name}`, value],
  );
  const joined = options.map(([name, value]) => `--${name}=${value}`);
  const env = Object.fromEntries(
    options.map(([name, value]) => [`POLYLOOP_${name.replaceAll('-', '_').toUpperCase()}`, value]),
  );
  const content = { ...EVERY_SETTING, port: 0, compression: true, logLevel: 'debug' };
  const file = temporaryFile('polyloop.json', JSON.stringify(content));
  expect(await settings(apart)).toMatchObject(EVERY_SETTING);
  expect(await settings(joined)).toMatchObject(EVERY_SETTING);
  expect(await settings([], env)).toMatchObject(EVERY_SETTING);
  expect(await settings([], { POLYLOOP_CONFIG: file })).toMatchObject(EVERY_SETTING);
});

test('takes times in seconds, or with a unit, and sizes in bytes, or with a unit', async () => {
  const given = (drain: string, idle: string, size: string): Promise<LogLine> =>
    settings([...BASE, '--drain-timeout', drain, '--idle-timeout', idle, '--max-payload', size]);
  expect(await given('500ms', '1m', '64KiB')).toMatchObject({
    drainTimeoutMs: 500,
    idleTimeoutMs: 60_000,
    maxPayload: 65_536,
  });
  expect(await given('2', '10s', '1MiB')).toMatchObject({
    drainTimeoutMs: 2000,
    idleTimeoutMs: 10_000,
    maxPayload: 1_048_576,
  });
  expect(await given('2.5s', '8', '1234')).toMatchObject({
    drainTimeoutMs: 2500,
    idleTimeoutMs: 8000,
    maxPayload: 1234,
  });
});

test('finds the app from the working directory when a flag names it, and from the file when the file does', async () => {
  expect(await settings([...BASE, '--app', 'test/fixtures/which-loop.js'])).toMatchObject({ app: APP });
  const file = temporaryFile('polyloop.json', '{}');
  const nextToIt = temporaryFile('polyloop.json', JSON.stringify({ app: relative(dirname(file), APP) }));
  expect(await settings([...BASE, '--config', nextToIt])).toMatchObject({ app: APP });
});

test('negotiates compression only when it is switched on', async () => {
  for (const flags of [[], ['--compression']]) {
    const server = await ServerProcess.start('--workers', '1', ...flags);
    const client = await Client.open(server.url('/echo'), [], { perMessageDeflate: true });
    expect(client.socket.extensions.includes('permessage-deflate')).toBe(flags.length > 0);
    client.send('compressible '.repeat(1000));
    expect(await client.next()).toBe('compressible '.repeat(1000));
    await server.stop();
  }
});

test('takes the last value when a flag is given twice', async () => {
  expect(await settings([...BASE, '--max-payload', '10', '--max-payload', '20'])).toMatchObject({
    maxPayload: 20,
  });
});
