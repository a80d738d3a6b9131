/** The snippets of docs/deploy.md for nginx and HAProxy, on the programs themselves, in front of a real server. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { expect, it, onTestFinished } from 'vitest';
import { Client } from '../harness/client.ts';
import { codeBlocks } from '../harness/code-block.ts';
import { freePort } from '../harness/free-port.ts';
import { findProgram, type ProxyPorts, startHaproxy, startNginx } from '../harness/reverse-proxy.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const DOCS = new URL('../../docs/deploy.md', import.meta.url);
const [nginxSnippet = '', ...moreOfNginx] = codeBlocks(DOCS, 'nginx');
const [httpSnippet = '', tcpSnippet = '', ...moreOfHaproxy] = codeBlocks(DOCS, 'haproxy');

/** An address of this machine that is not the proxy's. */
const CLIENT = '127.0.0.5';
/** What a client says of itself must not be believed. */
const LIES = { 'x-forwarded-for': '203.0.113.9' };

const nginx = findProgram('nginx');
const haproxy = findProgram('haproxy');
if (nginx === undefined) console.log('skipped: there is no nginx here');
if (haproxy === undefined) console.log('skipped: there is no haproxy here');

async function startServer(): Promise<ProxyPorts> {
  const [listen, admin] = [await freePort(), await freePort()];
  const app = ['--app', 'test/fixtures/behind-proxy-app.js', '--trust-proxy', '1'];
  const server = await ServerProcess.start('--workers', '2', '--admin-port', String(admin), ...app);
  onTestFinished(async () => {
    await server.stop();
  });
  return { listen, admin, server: server.port };
}

/** The status of a plain request through the proxy. */
async function statusThrough({ listen }: ProxyPorts): Promise<number | undefined> {
  const request = get({ host: '127.0.0.1', port: listen, rejectUnauthorized: false, agent: false });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  return answer.statusCode;
}

/** Opens a WebSocket through the proxy as a page of its own origin would, and echoes through it. */
async function echoThrough(ports: ProxyPorts): Promise<void> {
  // On a slow machine HAProxy may miss an answer to its health check, until the next one.
  await until(async () => (await statusThrough(ports)) === 200);
  const { listen } = ports;
  const url = `wss://127.0.0.1:${listen}/`;
  const origin = `https://127.0.0.1:${listen}`;
  const options = { localAddress: CLIENT, headers: LIES, origin, rejectUnauthorized: false };
  const client = await Client.open(url, [], options);
  expect(JSON.parse(String(await client.next()))).toEqual({ address: CLIENT, host: `127.0.0.1:${listen}` });
  const long = 'ö'.repeat(20_000);
  for (const text of ['hello', long]) {
    client.send(text);
    expect(await client.next()).toBe(text);
  }
  client.socket.close(4000, 'done');
  expect(await client.closed).toEqual({ code: 4000, reason: 'done' });
}

it('are all tried', () => {
  expect([nginxSnippet, httpSnippet, tcpSnippet]).not.toContain('');
  expect([...moreOfNginx, ...moreOfHaproxy]).toEqual([]);
});

it.runIf(nginx)("pass messages, the client's address and its host when nginx is in front", async () => {
  const ports = await startServer();
  await startNginx(nginx ?? '', nginxSnippet, ports);
  await echoThrough(ports);
});

it.runIf(haproxy)("pass messages, the client's address and its host when HAProxy is in front", async () => {
  const ports = await startServer();
  await startHaproxy(haproxy ?? '', httpSnippet, ports);
  await echoThrough(ports);
});

it.runIf(haproxy)(
  "pass messages, the client's address and its host when HAProxy is in front with the PROXY protocol",
  async () => {
    const ports = await startServer();
    await startHaproxy(haproxy ?? '', tcpSnippet, ports);
    await echoThrough(ports);
  },
);

it.each([
  ['nginx', nginxSnippet, /proxy_read_timeout (\d+)s/],
  ['HAProxy', httpSnippet, /timeout tunnel (\d+)s/],
  ['HAProxy in TCP mode', tcpSnippet, /timeout client (\d+)s/],
])('outlast the pings of the server when a client is silent: %s', (_, snippet, timeout) => {
  expect(Number(timeout.exec(snippet)?.[1])).toBeGreaterThan(120);
});
