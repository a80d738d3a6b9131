import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { ListenError, Server } from 'polyloop';
import { expect, test } from 'vitest';
import { Client } from '../harness/client.ts';
import { type Outcome, runCommand } from '../harness/command.ts';
import { ServerProcess } from '../harness/server-process.ts';

const HOST = '127.0.0.1';

const listenOn = (host: string, port: number, ...more: string[]): Promise<Outcome> =>
  runCommand(['--workers', '2', '--host', host, '--port', String(port), ...more]);

function expectRefusal(outcome: Outcome, ...words: string[]): void {
  expect(outcome).toMatchObject({ code: 1, signal: null, stdout: '' });
  expect(outcome.errors, outcome.errors.join('\n')).toHaveLength(1);
  for (const word of words) expect(outcome.errors[0]).toContain(word);
}

test.each(['primary', 'reuseport'])(
  'says so in one line when another program has the port, with --accept %s',
  async (accept) => {
    const other = createServer().listen(0, HOST);
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    expectRefusal(await listenOn(HOST, port, '--accept', accept), `${HOST}:${port}`, 'the port is in use');
    expectRefusal(await listenOn('', port, '--accept', accept), `*:${port}`, 'the port is in use');
    other.close();
  },
);

test.each([
  ['primary', 'primary'],
  ['primary', 'reuseport'],
  ['reuseport', 'primary'],
  ['reuseport', 'reuseport'],
])(
  'refuses to share a port when a server with --accept %s has it and one with --accept %s starts',
  async (first, second) => {
    const server = await ServerProcess.start('--workers', '2', '--accept', first);
    const outcome = await listenOn(HOST, server.port, '--accept', second);
    expectRefusal(outcome, `${HOST}:${server.port}`, 'the port is in use');
    const client = await Client.open(server.url('/echo'));
    client.send('still here');
    expect(await client.next()).toBe('still here');
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  },
);

test('says so in one line when the host is not of this machine', async () => {
  // TEST-NET-1, RFC 5737: nobody has it.
  expectRefusal(await listenOn('192.0.2.1', 0), '192.0.2.1:0', 'not one of this machine');
});

test('says so in one line when the host has no address', async () => {
  // RFC 6761: never resolves. Without a name server the reason is another, the refusal the same.
  expectRefusal(await listenOn('nowhere.invalid', 0), 'nowhere.invalid:0', 'the host name');
});

test('listens on a host that is given by name', async () => {
  const server = new ServerProcess(['--workers', '1', '--port', '0', '--host', 'localhost']);
  await server.line('listening');
  await Client.open(`ws://localhost:${server.port}/echo`);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('listens on every address, IPv4 and IPv6, when no host is given', async () => {
  const server = new ServerProcess(['--workers', '1', '--port', '0']);
  await server.line('listening');
  await Client.open(server.url('/echo'));
  await Client.open(`ws://[::1]:${server.port}/echo`);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('leaves nothing behind when a program cannot listen: it can start again on a free port', async () => {
  const first = await Server.start({ workers: 1, host: HOST, port: 0, adminPort: 0, logLevel: 'silent' });
  const options = { workers: 1, host: HOST, port: first.port, adminPort: 0, logLevel: 'silent' } as const;
  await expect(Server.start(options)).rejects.toBeInstanceOf(ListenError);
  const second = await Server.start({ ...options, port: 0 });
  expect(second.port).not.toBe(first.port);
  await Promise.all([first.close(), second.close()]);
});
