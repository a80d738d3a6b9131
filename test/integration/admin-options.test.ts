/** The options of the admin server as an operator gives them, and what is said when they cannot be had. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Admin } from '../harness/admin.ts';
import { Client } from '../harness/client.ts';
import { runCommand } from '../harness/command.ts';
import { freePort } from '../harness/free-port.ts';
import { ServerProcess } from '../harness/server-process.ts';

const DEFAULT_PORT = 9464;
const TOKEN = 'a-token-of-some-length';
const START = ['--workers', '1', '--host', '127.0.0.1', '--port', '0'];
/** The harness says that there is none; empty is not said. */
const BY_DEFAULT = { POLYLOOP_ADMIN_PORT: '' };
const NO_ADMIN = 'no admin server; give --admin-port another port, or 0';

let other: Server | undefined;
afterEach(() => other?.close());

/** Another program that has the port. False when one has it already. */
async function take(port: number): Promise<number> {
  other = createServer();
  other.listen(port, '127.0.0.1');
  try {
    await once(other, 'listening');
  } catch {
    return port;
  }
  return (other.address() as AddressInfo).port;
}

/** Connections that ask for nothing. Some may be dropped at once. */
async function crowd(port: number, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1').on('error', () => {}));
  await Promise.all(
    sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))),
  );
  return sockets;
}

test('says so in one line, and does not start, when the admin port that was asked for is taken', async () => {
  const port = await take(0);
  const outcome = await runCommand([...START, '--admin-port', String(port)]);
  expect(outcome).toMatchObject({ code: 1, signal: null, stdout: '' });
  expect(outcome.errors).toEqual([`polyloop: cannot listen on 127.0.0.1:${port}: the port is in use`]);
});

test('warns and serves without an admin server when the port that nobody asked for is taken', async () => {
  await take(DEFAULT_PORT);
  const server = new ServerProcess(START, BY_DEFAULT);
  await server.line('listening');
  expect(await server.line(NO_ADMIN)).toMatchObject({
    level: 40,
    reason: `cannot listen on 127.0.0.1:${DEFAULT_PORT}: the port is in use`,
  });
  await Client.open(server.url('/echo'));
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(server.lines.map(({ msg }) => msg)).not.toContain('admin server listening');
});

test('warns and serves without an admin server when its port is the one of the server itself', async () => {
  const server = new ServerProcess(
    ['--workers', '1', '--host', '127.0.0.3', '--port', String(DEFAULT_PORT)],
    BY_DEFAULT,
  );
  await server.line('listening');
  expect(await server.line(NO_ADMIN)).toMatchObject({ level: 40, reason: `--port is ${DEFAULT_PORT}` });
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('says where it listens, and answers there, when a host and a port are given', async () => {
  const port = await freePort();
  const server = new ServerProcess([...START, '--admin-host', 'localhost', '--admin-port', String(port)]);
  expect(await server.line('admin server listening')).toMatchObject({ host: 'localhost', port });
  expect((await new Admin(port, 'localhost').ask('/readyz')).body).toBe('ready\n');
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('has none when the port is 0', async () => {
  const server = new ServerProcess([...START, '--admin-port', '0'], BY_DEFAULT);
  await server.line('limits');
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  const messages = server.lines.map(({ msg }) => msg);
  expect(messages).not.toContain('admin server listening');
  expect(messages).not.toContain(NO_ADMIN);
});

test('says so in one line, and does not start, when both ports are the same', async () => {
  const outcome = await runCommand(['--port', '3456', '--admin-port', '3456']);
  expect(outcome).toMatchObject({ code: 2, stdout: '' });
  expect(outcome.errors).toEqual([
    'polyloop: --admin-port: 3456 is the port of the server itself; give another one',
  ]);
});

test.each([
  ['--admin-token', ['--admin-token', 'too short'], {}],
  ['--admin-token', ['--admin-token', `${TOKEN} blank`], {}],
  ['--admin-token', ['--admin-token', `${TOKEN}ü`], {}],
  ['--admin-token', ['--admin-token', 'x'.repeat(513)], {}],
  ['POLYLOOP_ADMIN_TOKEN', [], { POLYLOOP_ADMIN_TOKEN: 'short' }],
])(
  'names the option, and does not repeat the token, when %s is not accepted: %j',
  async (name, args, env) => {
    const outcome = await runCommand([...START, ...args], env);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.errors).toHaveLength(1);
    expect(outcome.errors[0]).toContain(`${name}: `);
    expect(outcome.errors[0]).toContain('16 to 512 printable ASCII characters');
    for (const secret of [...args.slice(1), ...Object.values(env)])
      expect(outcome.errors[0]).not.toContain(secret);
  },
);

test('never logs the token, whatever is asked of it', async () => {
  const port = await freePort();
  const server = new ServerProcess([...START, '--admin-port', String(port), '--log-level', 'trace'], {
    POLYLOOP_ADMIN_TOKEN: TOKEN,
  });
  await server.line('limits');
  const admin = new Admin(port);
  const headers = { authorization: `Bearer ${TOKEN}` };
  expect(await admin.post('/api/reload', '', headers)).toMatchObject({ status: 200 });
  expect(await admin.post('/api/reload', '', { authorization: `Bearer ${TOKEN}x` })).toMatchObject({
    status: 401,
  });
  for (const path of ['/metrics', '/api/loops'])
    expect((await admin.ask(path, { headers })).body).not.toContain(TOKEN);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(JSON.stringify(server.lines) + server.stderr + server.torn.join('')).not.toContain(TOKEN);
});

test.runIf(process.platform === 'linux')(
  'goes on when clients of the admin port and of the server have taken every open file',
  async () => {
    const port = await freePort();
    const args = [...START, '--admin-port', String(port), '--log-level', 'fatal'];
    const server = new ServerProcess(args, {}, 120);
    const admin = new Admin(port);
    for (;;) {
      if ((await admin.ask('/readyz').catch(() => null))?.status === 200) break;
    }
    const events = admin.events();
    await events.next();
    const idle = await crowd(port, 300);
    // Read while there is no file left: the memory in use cannot be asked for then.
    for (let second = 0; second < 3; second++) expect((await events.next()).value?.state).toBe('ready');
    for (const socket of idle) socket.destroy();
    await events.return(undefined);
    for (;;) {
      if ((await admin.ask('/metrics').catch(() => null))?.status === 200) break;
    }
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  },
);
