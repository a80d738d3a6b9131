/**
 * Memory of connections that do nothing: by how much the server's resident memory grows for each, and the kernel's.
 *
 * Run: npx tsx load/idle-memory.ts [--connections 1000,10000,19000] [--workers 2] [--out idle-memory]      after npm run build, on Linux
 * Two client processes hold the connections. The raw results go to load/results/OUT.json.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { kernelBytes, residentBytes } from './process-figures.ts';
import { recordName, table, whole, writeRecord } from './record.ts';
import { at, endOnSignals, endWithThisProcess, ServerProcess } from './server-process.ts';
import { polyloop } from './targets.ts';

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '1000,10000,19000' },
    workers: { type: 'string', default: '2' },
    out: { type: 'string', default: 'idle-memory' },
  },
});
const out = recordName(values.out);
const workers = whole('workers', values.workers);

const KIB = 1024;
const CLIENTS = 2;
/** Until what the handshakes left behind has been collected; V8 takes its time when nothing happens. */
const SETTLE_MS = 20_000;
/** Connections that come and go first, so that code is compiled and what loading the app left behind is collected. */
const WARM_UP = 1000;
const TLS = [
  '--tls-cert',
  at('../test/fixtures/tls/one.crt'),
  '--tls-key',
  at('../test/fixtures/tls/one.key'),
];
const KINDS = [
  { name: 'idle', path: '/', transport: 'tcp', options: [] },
  { name: 'idle, subscribed to a channel', path: '/subscribed', transport: 'tcp', options: [] },
  { name: 'idle, TLS', path: '/', transport: 'tls', options: TLS },
];

interface Sample {
  readonly kind: string;
  readonly connections: number;
  readonly residentKibBefore: number;
  readonly residentKib: number;
  /** Of the whole machine, for both ends of each connection. */
  readonly kernelKib: number;
}

async function sample(
  { name, path, transport, options }: (typeof KINDS)[number],
  connections: number,
): Promise<Sample> {
  const server = await ServerProcess.start(polyloop('idle.js', workers, ...options));
  const open = async (count: number): Promise<() => void> => {
    const args = [String(server.port), path, String(count / CLIENTS), transport];
    const clients = Array.from({ length: CLIENTS }, () => fork(at('idle-client.ts'), args));
    clients.forEach(endWithThisProcess);
    await Promise.all(clients.map((client) => once(client, 'message')));
    return () => clients.forEach((client) => void client.kill('SIGKILL'));
  };
  const figures = async (): Promise<{ resident: number; kernel: number }> => {
    await delay(SETTLE_MS);
    return { resident: residentBytes(server.pids) / KIB, kernel: kernelBytes() / KIB };
  };
  (await open(WARM_UP))();
  const before = await figures();
  const close = await open(connections);
  const after = await figures();
  close();
  await server.stop();
  return {
    kind: name,
    connections,
    residentKibBefore: before.resident,
    residentKib: after.resident,
    kernelKib: after.kernel - before.kernel,
  };
}

endOnSignals();
const counts = values.connections.split(',').map(Number);
const samples: Sample[] = [];
for (const kind of KINDS) {
  for (const connections of counts) samples.push(await sample(kind, connections));
}

const mebibytes = (figure: number): string => (figure / 1024).toFixed(0);
const rows = KINDS.map(({ name }) => {
  const own = samples.filter(({ kind }) => kind === name);
  const [fewest, most] = [own[0], own.at(-1)];
  if (fewest === undefined || most === undefined) throw new Error('no connections');
  // What the process itself takes varies by some MiB, so the fewest are the base, and not none.
  const growth = (most.residentKib - fewest.residentKib) / (most.connections - fewest.connections);
  const ofKernel = most.kernelKib / most.connections / 2;
  const all = own.map(({ residentKib }) => mebibytes(residentKib));
  return [name, ...all, growth.toFixed(1), ofKernel.toFixed(1)];
});
const heads = counts.map((count) => `MiB with ${count}`);
process.stdout.write(table(['connections', ...heads, 'KiB for each', 'in the kernel'], rows));
writeRecord(out, { samples });
