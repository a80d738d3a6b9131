/** A server under load: processes of its own, which are ended with this one, whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const START_TIMEOUT_MS = 20_000;

/** Path of a file in this folder. */
export const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What a server says when it listens. */
interface Listening {
  readonly msg: 'listening';
  readonly port: number;
  /** All its processes, when there is more than one. */
  readonly pids?: readonly number[];
}

const running = new Set<ServerProcess>();
const children = new Set<ChildProcess>();

/** Has a child process end with this one. */
export function endWithThisProcess(child: ChildProcess): void {
  children.add(child);
  child.once('exit', () => children.delete(child));
}

process.on('exit', () => {
  for (const server of running) server.kill();
  for (const child of children) child.kill('SIGKILL');
});

/** For the programs here: on a signal everything ends, as it does on a throw. */
export function endOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(130));
}

export class ServerProcess {
  readonly port: number;
  readonly pids: readonly number[];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, { port, pids }: Listening) {
    this.#child = child;
    this.port = port;
    this.pids = pids ?? (child.pid === undefined ? [] : [child.pid]);
    running.add(this);
    child.once('exit', () => running.delete(this));
  }

  /** Rejects when it ends or says nothing for too long. */
  static async start({ file, args, env }: Command): Promise<ServerProcess> {
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    endWithThisProcess(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
    try {
      return new ServerProcess(child, await listening(child));
    } catch (cause) {
      child.kill('SIGKILL');
      throw new Error(`the server did not start: ${file} ${args.join(' ')}`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
    for (const pid of this.pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended already.
      }
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.kill();
    await exit;
  }
}

/** Lines after that one are read and forgotten, so that the server can go on writing them. */
function listening(child: ChildProcess): Promise<Listening> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new Error('no output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      const isListening = line.startsWith('{') && line.includes('"listening"');
      if (isListening) resolve(JSON.parse(line) as Listening);
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`it ended with ${code ?? signal}`)));
  });
}
