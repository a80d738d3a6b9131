/**
 * Two nodes and an engine, started and ended by one command.
 *
 * Run: node examples/two-nodes/run.js
 * Try: open the two addresses that it prints, and write on one of the pages; Ctrl-C ends everything
 *
 * Structure: the engine is the first of redis-server and nats-server that is in PATH, or the one that is named as an argument. It listens on
 * a free port of loopback and keeps nothing. Each node is a process of its own, as on a machine of its own; the two know of each
 * other only by way of the engine. They run in process groups of their own, so that Ctrl-C reaches this process alone, which ends
 * the nodes first: they send their clients away, and what they still have to the engine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const NODES = ['a', 'b'];
const SERVER = fileURLToPath(new URL('../../dist/server.js', import.meta.url));
const APP = fileURLToPath(new URL('./app.js', import.meta.url));
const ENGINES = {
  redis: {
    program: 'redis-server',
    args: (port) => ['--bind', '127.0.0.1', '--port', port, '--save', '', '--appendonly', 'no'],
  },
  nats: { program: 'nats-server', args: (port) => ['-a', '127.0.0.1', '-p', port] },
};
/** Debian's nats-server lies where the path of an ordinary user does not lead. */
const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];

/** In the order in which they were started. */
const children = [];
let isEnding = false;

const [wanted] = process.argv.slice(2);
const names = Object.keys(ENGINES).filter((name) => wanted === undefined || name === wanted);
const found = names.map((name) => ({ name, file: find(ENGINES[name].program) })).find(({ file }) => file);
if (found === undefined) {
  console.error(
    names.length === 0
      ? `the engine is one of ${Object.keys(ENGINES).join(', ')}, not ${wanted}`
      : `install ${names.map((name) => ENGINES[name].program).join(' or ')}: there is none in PATH`,
  );
  process.exit(1);
}

process.on('SIGINT', end).on('SIGTERM', end).on('SIGHUP', end);
// When this process ends in another way, nothing is left behind either.
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

const port = String(await freePort());
start(found.file, ENGINES[found.name].args(port), { stdio: 'ignore' });
console.log(`${found.name} on port ${port}`);
for (const name of NODES) startNode(name, `${found.name}://127.0.0.1:${port}`);

function startNode(name, backplane) {
  const args = [SERVER, '--app', APP, '--host', '127.0.0.1', '--workers', '2', '--admin-port', '0'];
  const env = { ...process.env, PORT: '0', POLYLOOP_NODE_ID: name, POLYLOOP_BACKPLANE: backplane };
  const { stdout } = start(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: stdout }).on('line', (line) => {
    const { msg, level, port } = JSON.parse(line);
    if (msg === 'listening') console.log(`node ${name}: http://127.0.0.1:${port}/`);
    else if (msg === 'backplane connected' || level >= 40) console.log(`node ${name}: ${msg}`);
  });
}

function start(file, args, options) {
  const child = spawn(file, args, { ...options, detached: true });
  child.once('exit', (code, signal) => {
    if (isEnding) return;
    console.error(`${file} has ended: ${signal ?? code}`);
    process.exitCode = 1;
    void end();
  });
  children.push(child);
  return child;
}

/** One after the other, the engine last. Asked for again, it does not wait. */
async function end() {
  if (isEnding) process.exit(130);
  isEnding = true;
  for (const child of children.toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  }
}

function find(program) {
  return FOLDERS.map((folder) => join(folder, program)).find(existsSync);
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
