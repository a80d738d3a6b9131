import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { ServerStatus } from '../../src/primary/admin/status.ts';
import { Client } from '../harness/client.ts';
import { runCommand } from '../harness/command.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { freePort } from '../harness/free-port.ts';
import { StandInAdmin, someStatus } from '../harness/stand-in-admin.ts';

async function startServer(loops: number): Promise<FixtureServer> {
  const server = await FixtureServer.demo({ workers: loops, adminPort: await freePort() });
  onTestFinished(() => server.close());
  return server;
}

async function standIn(status: unknown): Promise<StandInAdmin> {
  const admin = await StandInAdmin.start(status);
  onTestFinished(() => admin.stop());
  return admin;
}

test('prints one table with a row for each loop when the output is not a terminal', async () => {
  const server = await startServer(3);
  for (let i = 0; i < 5; i++) await Client.open(server.url('/echo'));
  const { code, stdout, errors } = await runCommand(['top', `127.0.0.1:${server.server.adminPort}`]);
  expect({ code, errors }).toEqual({ code: 0, errors: [''] });
  const rows = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
  expect(rows.map(([first]) => first)).toEqual(expect.arrayContaining(['loop', '0', '1', '2', 'all']));
  expect(rows.find(([first]) => first === 'all')?.[1]).toBe('5');
  expect(stdout).not.toContain('\x1b');
});

test('prints the status of the server with rates when asked for JSON', async () => {
  const server = await startServer(2);
  await Client.open(server.url('/echo'));
  const outcome = await runCommand(['top', `http://127.0.0.1:${server.server.adminPort}`, '--json']);
  expect(outcome).toMatchObject({ code: 0, errors: [''] });
  const status = JSON.parse(outcome.stdout) as ServerStatus;
  expect(status).toMatchObject({
    state: 'ready',
    pid: process.pid,
    perSecond: { messagesIn: 0, deliveries: 0 },
  });
  expect(status.loops.map(({ id }) => id)).toEqual([0, 1]);
  expect(status.loops.reduce((sum, { connections }) => sum + connections, 0)).toBe(1);
});

test('says in one line that there is nobody when nothing listens', async () => {
  const port = await freePort();
  const { code, stdout, errors } = await runCommand(['top', `127.0.0.1:${port}`]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(errors).toEqual([expect.stringMatching(`http://127.0.0.1:${port}: .*ECONNREFUSED`)]);
});

test.each([
  ['JSON of something else', {}],
  ['a text', 'hello'],
  ['null', null],
])('says in one line that it is no admin server when the answer is %s', async (_, answer) => {
  const admin = await standIn(answer);
  const { code, stdout, errors } = await runCommand(['top', admin.url]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(errors).toEqual([expect.stringContaining('it does not answer as a polyloop admin server')]);
});

test('says in one line what the server answered when that is a refusal', async () => {
  const http = createServer((_, res) => void res.writeHead(403).end('not\x1b[2J\nfor you')).listen(
    0,
    '127.0.0.1',
  );
  onTestFinished(() => void http.close());
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const { code, errors } = await runCommand(['top', `127.0.0.1:${port}`]);
  expect(code).toBe(1);
  expect(errors).toEqual([expect.stringContaining('it answered 403: not for you')]);
});

test('prints nothing that a terminal would obey when the server sends such text', async () => {
  const evil = '\x1b[2J\x1b]0;owned\x07\x9b31m\u202e';
  const status = someStatus(1, {
    version: `1${evil}`,
    nodeVersion: evil,
    detail: `why${evil}`,
    events: [{ number: 1, at: evil, level: 'error', loop: null, text: `before${evil}\nafter` }],
  });
  const loops = status.loops.map((loop) => ({ ...loop, state: `sta${evil}te` }));
  const admin = await standIn({ ...status, loops });
  const { code, stdout } = await runCommand(['top', admin.url]);
  expect(code).toBe(0);
  expect(stdout).toContain('before after');
  expect(stdout).toContain('state');
  expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});
