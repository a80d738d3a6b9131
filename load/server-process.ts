/** A server under load: a process of its own, which says on its output where it listens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** USER_HZ, the unit of CPU times in /proc; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
/** User and system time in /proc/PID/stat, counted from the field after the command's name. */
const UTIME = 11;
const STIME = 12;

/** CPU time that a process has used, all its threads, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME]) + Number(fields[STIME])) / TICKS_PER_SECOND;
}

/** CPU time that all of the machine has used: what its first line in /proc/stat counts, but idle time. */
export function busySeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/ +/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** Path of a file in this folder. */
export const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Arguments for Node that start the built server with an app of load/servers. */
export const polyloop = (app: string, ...options: string[]): string[] => [
  at('../dist/server.js'),
  ...['--host', '127.0.0.1', '--port', '0', '--admin-port', '0', '--app', at(`servers/${app}`)],
  ...options,
];

export interface ServerProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly port: number;
}

export async function startServer(args: string[]): Promise<ServerProcess> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, port } = JSON.parse(line) as { msg: string; port: number };
    if (msg === 'listening' && child.pid !== undefined) return { child, pid: child.pid, port };
  }
  throw new Error(`the server did not start: ${args.join(' ')}`);
}

export async function stopServer({ child }: ServerProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}
