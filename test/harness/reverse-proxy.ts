/** A proxy of the machine's own, nginx or HAProxy, with a snippet of docs/deploy.md and the test's addresses in place of its own. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { until } from './until.ts';

const tlsFile = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));

/** Programs of services lie where the path of an ordinary user does not lead. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find(existsSync);
}

/** Replaces what is there exactly once: a snippet that has changed is told, not passed over. */
export function replaceOnce(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw new Error(`"${from}" is not there once in:\n${text}`);
  return text.replace(from, () => to);
}

export interface ProxyPorts {
  readonly listen: number;
  readonly server: number;
  readonly admin: number;
}

/** Starts nginx with this content of its `http` block. */
export async function startNginx(
  program: string,
  snippet: string,
  { listen, server }: ProxyPorts,
): Promise<void> {
  const folder = temporaryFolder();
  let site = replaceOnce(snippet, 'listen 443 ssl;', `listen 127.0.0.1:${listen} ssl;`);
  site = replaceOnce(site, '/etc/nginx/tls/example.com.crt', tlsFile('one.crt'));
  site = replaceOnce(site, '/etc/nginx/tls/example.com.key', tlsFile('one.key'));
  site = replaceOnce(site, '127.0.0.1:3000', `127.0.0.1:${server}`);
  const paths = ['client_body', 'proxy', 'fastcgi', 'scgi', 'uwsgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off;\npid ${join(folder, 'pid')};\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${paths.join('\n')}\n${site}}\n`,
  );
  execFileSync(program, ['-t', '-q', '-e', 'stderr', '-c', config]);
  await run(program, ['-e', 'stderr', '-c', config], listen);
}

export async function startHaproxy(program: string, snippet: string, ports: ProxyPorts): Promise<void> {
  const folder = temporaryFolder();
  const pem = join(folder, 'example.pem');
  writeFileSync(pem, readFileSync(tlsFile('one.crt'), 'utf8') + readFileSync(tlsFile('one.key'), 'utf8'));
  let text = replaceOnce(snippet, 'bind :443', `bind 127.0.0.1:${ports.listen}`);
  text = replaceOnce(text, '/etc/haproxy/example.com.pem', pem);
  text = replaceOnce(text, '127.0.0.1:3000', `127.0.0.1:${ports.server}`);
  text = replaceOnce(text, 'check port 9464', `check port ${ports.admin}`);
  // Needs as many open files as connections, which this machine may not have.
  text = replaceOnce(text, 'maxconn 100000', 'maxconn 100');
  await runHaproxy(program, text, ports.listen);
}

/** Starts HAProxy with this configuration, which must not even be warned of, and waits until it listens on the port. */
export async function runHaproxy(program: string, text: string, port: number): Promise<void> {
  const config = join(temporaryFolder(), 'haproxy.cfg');
  writeFileSync(config, text);
  const { status, stderr } = spawnSync(program, ['-c', '-q', '-f', config], { encoding: 'utf8' });
  if (status !== 0 || stderr.includes('WARNING')) throw new Error(stderr);
  await run(program, ['-db', '-f', config], port);
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'polyloop-proxy-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Starts it in the foreground, waits until it listens, and ends it with the test. */
async function run(program: string, args: string[], port: number): Promise<void> {
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${said}`);
    return isOpen(port);
  });
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
