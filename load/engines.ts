/** The engines by which nodes reach each other, as they are installed here: real servers on free ports of loopback, which keep nothing on disk. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { endWithThisProcess } from './server-process.ts';

export type EngineName = 'nats' | 'redis';

interface Kind {
  readonly program: string;
  args(port: number): string[];
  /** What it writes when it listens. */
  readonly isReady: RegExp;
}

const FOLDERS = ['/usr/bin', '/usr/sbin', '/usr/local/bin'];
const KINDS: Readonly<Record<EngineName, Kind>> = {
  nats: {
    program: 'nats-server',
    args: (port) => ['-a', '127.0.0.1', '-p', String(port)],
    isReady: /Server is ready/,
  },
  redis: {
    program: 'redis-server',
    args: (port) => [
      ...['--bind', '127.0.0.1', '--port', String(port)],
      ...['--dir', tmpdir(), '--save', '', '--appendonly', 'no'],
    ],
    isReady: /Ready to accept connections/,
  },
};

const START_TIMEOUT_MS = 10_000;

function fileOf(name: EngineName): string | undefined {
  const { program } = KINDS[name];
  return FOLDERS.map((folder) => `${folder}/${program}`).find((file) => existsSync(file));
}

/** Why it cannot run here; undefined when it can. */
export const missingEngine = (name: EngineName): string | undefined =>
  fileOf(name) === undefined ? `${KINDS[name].program} is not installed` : undefined;

/** For the record: `redis-server 7.0.15`. */
export function engineVersion(name: EngineName): string {
  const text = execFileSync(fileOf(name) ?? '', ['--version'], { encoding: 'utf8' });
  return `${KINDS[name].program} ${/v=?(\d+[.\d]*)/.exec(text)?.[1] ?? text.trim()}`;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** One that runs; it ends with this process. */
export class Engine {
  readonly url: string;
  readonly pid: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.url = url;
  }

  /** Rejects when it is not installed, ends, or does not listen for too long. */
  static async start(name: EngineName): Promise<Engine> {
    const file = fileOf(name);
    if (file === undefined) throw new Error(missingEngine(name));
    const { args, isReady } = KINDS[name];
    const port = await freePort();
    const child = spawn(file, args(port), { stdio: ['ignore', 'pipe', 'pipe'] });
    endWithThisProcess(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
    // One writes its log lines to the one stream, one to the other.
    const ready = [child.stdout, child.stderr].map((input) => {
      const lines = createInterface({ input });
      return new Promise<void>((resolve) => {
        lines.on('line', (line) => {
          if (isReady.test(line)) resolve();
        });
      });
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`${file} did not start`);
    });
    await Promise.race([...ready, ended]);
    clearTimeout(timer);
    return new Engine(child, `${name}://127.0.0.1:${port}`);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }
}
