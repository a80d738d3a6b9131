/** The built server as an operator runs it: a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('../../dist/server.js', import.meta.url));

/** Two tests, or a test and a server of the person who runs it, must not fight for its port. A flag comes before it. */
const NO_ADMIN_SERVER = { POLYLOOP_ADMIN_PORT: '0' };

export type LogLine = Record<string, unknown> & { msg?: string };

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ServerProcess {
  readonly lines: LogLine[] = [];
  /** Lines of standard output that are not JSON: there must be none. */
  readonly torn: string[] = [];
  stderr = '';
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();

  /** `maxFiles` lowers the limit of open files, for a system with a POSIX shell. */
  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}, maxFiles?: number) {
    const command = [process.execPath, SERVER, ...args];
    const [file = '', ...rest] =
      maxFiles === undefined ? command : ['sh', '-c', `ulimit -n ${maxFiles} && exec "$@"`, 'sh', ...command];
    this.#child = spawn(file, rest, {
      env: { PATH: process.env.PATH, ...NO_ADMIN_SERVER, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // A test that ran out of time does not stop its server.
    const kill = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', kill);
    const { stdout, stderr } = this.#child;
    if (!stdout || !stderr) throw new Error('the server has no output');
    createInterface({ input: stdout }).on('line', (line) => {
      try {
        this.lines.push(JSON.parse(line) as LogLine);
      } catch {
        this.torn.push(line);
      }
      for (const check of this.#waiting) check();
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exit = once(this.#child, 'close').then(([code, signal]) => {
      process.off('exit', kill);
      for (const check of this.#waiting) check();
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
  }

  /** Starts the server on a free port and waits until it listens. */
  static async start(...args: string[]): Promise<ServerProcess> {
    const server = new ServerProcess(['--host', '127.0.0.1', '--port', '0', ...args]);
    await server.line('listening');
    return server;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get port(): number {
    return Number(this.lines.find((line) => line.msg === 'listening')?.port);
  }

  url(path: string): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The first log line with this message, now or later. Rejects when the server ends without it. */
  line(msg: string, matches: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = this.lines.find((line) => line.msg === msg && matches(line));
        if (found === undefined && this.#child.exitCode === null && this.#child.signalCode === null) return;
        this.#waiting.delete(check);
        if (found) resolve(found);
        else reject(new Error(`the server ended without "${msg}": ${this.stderr}`));
      };
      this.#waiting.add(check);
      check();
    });
  }

  async stop(): Promise<Exit> {
    this.kill('SIGTERM');
    return this.exit;
  }
}
