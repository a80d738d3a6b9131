import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { resolve } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { reportCertificates } from '../../src/commands/check/certificates.ts';
import type { Report } from '../../src/commands/check/report.ts';
import { configOf } from '../../src/config.ts';
import { runCommand } from '../harness/command.ts';
import { temporaryFile } from '../harness/temporary-file.ts';
import { tlsOptions } from '../harness/tls.ts';

const BROKEN = 'test/fixtures/broken';
const ONE_LOOP = ['--workers', '1'];

async function report(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Report> {
  const { code, stdout, errors } = await runCommand(['check', '--json', ...args], env);
  expect({ code, errors }).toEqual({ code: 0, errors: [''] });
  return JSON.parse(stdout) as Report;
}

test('prints what would run when all is well', async () => {
  const app = resolve('test/fixtures/which-loop.js');
  const { code, stdout, errors } = await runCommand(['check', '--workers', '3', '--app', app]);
  expect({ code, errors }).toEqual({ code: 0, errors: [''] });
  expect(stdout).toContain(`app        ${app}\n`);
  expect(stdout).toContain('loops      3');
  expect(stdout).toContain('log 16.0 MiB');
});

test('tells the paths of the app and whether it answers plain HTTP', async () => {
  const demo = await report(ONE_LOOP);
  expect(demo).toMatchObject({ app: null, workers: 1, hasFetch: true, certificates: [] });
  expect(demo.paths).toEqual(['/echo', '/reverse', '/deny', '/chat/:room', '/live/:room']);
  const bare = temporaryFile(
    'app.mjs',
    "export default { setup: (loop) => loop.webSocket('/*', { onUpgrade() {} }) };",
  );
  expect(await report([...ONE_LOOP, '--app', bare])).toMatchObject({ paths: ['/*'], hasFetch: false });
});

test('leaves the engine alone when there is to be a backplane', async () => {
  let connections = 0;
  const engine = createServer(() => connections++).listen(0, '127.0.0.1');
  onTestFinished(() => void engine.close());
  await once(engine, 'listening');
  const { port } = engine.address() as AddressInfo;
  await report([...ONE_LOOP, '--backplane', `redis://127.0.0.1:${port}`]);
  expect(connections).toBe(0);
});

test('tells where each option that is not at its default comes from', async () => {
  const file = temporaryFile('polyloop.json', '{ "maxChannels": 7, "idleTimeout": 60, "maxPayload": 9 }');
  const args = [
    '--config',
    file,
    '--compression',
    '--max-payload',
    '4KiB',
    '--log-level',
    'info',
    ...ONE_LOOP,
  ];
  const { options } = await report(args, {
    PORT: '4000',
    POLYLOOP_MAX_PAYLOAD: '5',
    POLYLOOP_ADMIN_PORT: '',
  });
  const from = Object.fromEntries(options.map((each) => [each.option, [each.value, each.from]]));
  expect(from).toEqual({
    workers: [1, '--workers'],
    port: [4000, 'PORT'],
    maxPayload: [4096, '--max-payload'],
    idleTimeoutMs: [60_000, `${file}: idleTimeout`],
    maxChannels: [7, `${file}: maxChannels`],
    compression: [true, '--compression'],
  });
});

test('does not show the admin token', async () => {
  const token = 'correct-horse-battery-staple-0123456789';
  for (const format of [[], ['--json']]) {
    const { code, stdout } = await runCommand(['check', ...ONE_LOOP, ...format, '--admin-token', token]);
    expect(code).toBe(0);
    expect(stdout).toContain('adminToken');
    expect(stdout).not.toContain(token);
  }
});

test('listens nowhere, so the ports may be taken', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const hosts = ['--host', '127.0.0.1', '--admin-host', '127.0.0.1'];
  expect(await report([...hosts, '--port', `${port}`, '--admin-port', `${port + 1}`])).toMatchObject({
    port,
  });
  expect(
    await report([...hosts, '--port', '0', '--admin-port', `${port}`, '--accept', 'reuseport']),
  ).toBeTruthy();
});

test('keeps what the app prints out of the report, and lets it end what it began', async () => {
  const app = temporaryFile(
    'app.mjs',
    `export default { setup(loop) {
      console.log('set up');
      loop.log.warn('logged');
      loop.onShutdown(() => console.log('shut down'));
    } };`,
  );
  const { code, stdout, errors } = await runCommand(['check', '--json', ...ONE_LOOP, '--app', app]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ app });
  expect(errors).toEqual(
    expect.arrayContaining(['set up', 'shut down', expect.stringContaining('"logged"')]),
  );
});

test.each(readdirSync(BROKEN))('ends as a start does when the app is %s', async (name) => {
  // One that fails on a loop by its number needs that loop.
  const workers = name.includes('loop') ? '4' : '1';
  const args = ['--app', `${BROKEN}/${name}`, '--workers', workers, '--port', '0'];
  const [start, check] = await Promise.all([runCommand(args), runCommand(['check', ...args])]);
  const why = ({ errors }: typeof check): string | undefined =>
    errors.find((line) => line.startsWith('polyloop: '));
  expect(start.code).toBe(1);
  expect(check).toMatchObject({ code: 1, signal: null, stdout: '' });
  // Which loop ends first is a matter of luck.
  expect(why(check)?.replace(/loop \d/, 'loop')).toBe(why(start)?.replace(/loop \d/, 'loop'));
});

test.each([
  ['a flag', ['--max-payload', '0'], {}, '--max-payload'],
  ['the environment', [], { POLYLOOP_ORIGINS: 'nowhere' }, 'POLYLOOP_ORIGINS'],
  ['a TLS file', ['--tls-cert', 'package.json', '--tls-key', 'package.json'], {}, '--tls-cert'],
  ['a name that does not exist', ['--ports', '1'], {}, '--ports'],
  ['no flag at all', ['more'], {}, '"more"'],
])('ends with 2 and one line when %s is not accepted', async (_, args, env, name) => {
  const { code, stdout, errors } = await runCommand(['check', ...args], env);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(errors).toEqual([expect.stringContaining(name)]);
});

test('tells the names and the end of each certificate', async () => {
  const { tlsCert, tlsKey } = tlsOptions('one');
  const tls = ['--tls-cert', tlsCert, '--tls-key', tlsKey, '--tls-sni', resolve('test/fixtures/tls')];
  const { code, stdout } = await runCommand(['check', '--json', ...ONE_LOOP, ...tls]);
  expect(code).toBe(0);
  // uWebSockets.js itself prints lines about the names, before the report.
  const { certificates } = JSON.parse(stdout.split('\n').at(-1) ?? '') as Report;
  expect(certificates).toMatchObject([
    { file: tlsCert, subject: 'CN=one.test', names: 'DNS:one.test, DNS:*.one.test', warning: null },
    { subject: 'CN=two.test' },
  ]);
  expect(certificates[0]?.validTo).toBe('2120-01-01T00:00:00.000Z');
  const text = await runCommand(['check', ...ONE_LOOP, ...tls]);
  expect(text.stdout).toContain('CN=one.test (DNS:one.test, DNS:*.one.test) until 2120-01-01');
});

test.each([
  ['2019-01-01', 'is not valid yet'],
  ['2050-01-01', null],
  ['2119-12-20', /^expires in 1\d days$/],
  ['2121-01-01', 'has expired'],
])('warns of the time of a certificate when it is %s', (now, warning) => {
  vi.useFakeTimers({ now: new Date(now), toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const [certificate] = reportCertificates(configOf(tlsOptions('one')));
  if (warning instanceof RegExp) expect(certificate?.warning).toMatch(warning);
  else expect(certificate?.warning).toBe(warning);
});
