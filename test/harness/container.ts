/** A container of the image, run by podman with what docs/deploy.md advises. It shares the network of this machine. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { findProgram } from './reverse-proxy.ts';
import type { LogLine } from './server-process.ts';
import { until } from './until.ts';

const run = promisify(execFile);
/** Where both are there, runc: it also runs with the older kind of cgroups. */
const RUNTIME = findProgram('runc') ? ['--runtime', 'runc'] : [];
const SAFE = ['--read-only', '--read-only-tmpfs=false', '--cap-drop', 'all'];
const NO_NEW_RIGHTS = ['--security-opt', 'no-new-privileges'];
/** Podman's own are more than an ordinary user of this machine may have. */
const LIMITS = ['--ulimit', 'nofile=4096:4096', '--ulimit', 'nproc=4096:4096'];
/** It is run when a test asks. */
const NO_TIMER = ['--health-interval', 'disable'];

export async function podman(...args: string[]): Promise<string> {
  const { stdout } = await run('podman', [...RUNTIME, ...args]);
  return stdout.trim();
}

export class Container {
  readonly id: string;

  private constructor(id: string) {
    this.id = id;
  }

  /** Starts the image on a free port, waits until it listens, and removes it with the test. */
  static async start(
    image: string,
    options: readonly string[],
    args: readonly string[] = [],
  ): Promise<Container> {
    const given = ['--env', 'PORT=0', ...options, image, ...args];
    const container = new Container(
      await podman(
        'run',
        '--detach',
        '--network',
        'host',
        ...SAFE,
        ...NO_NEW_RIGHTS,
        ...LIMITS,
        ...NO_TIMER,
        ...given,
      ),
    );
    onTestFinished(async () => {
      await podman('rm', '--force', '--time', '0', container.id);
    });
    await container.line('listening');
    return container;
  }

  /** The output of a command in the container; rejects when it fails. */
  exec(...command: string[]): Promise<string> {
    return podman('exec', this.id, ...command);
  }

  async lines(): Promise<LogLine[]> {
    const text = await podman('logs', this.id);
    return text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []));
  }

  /** The first log line with this message. Rejects when the container ends without it. */
  async line(msg: string): Promise<LogLine> {
    let found: LogLine | undefined;
    await until(async () => {
      const isRunning = (await this.state('Running')) === 'true';
      found = (await this.lines()).find((line) => line.msg === msg);
      if (found === undefined && !isRunning)
        throw new Error(`the container ended without "${msg}": ${await podman('logs', this.id)}`);
      return found !== undefined;
    });
    return found ?? {};
  }

  /** A field of its state: `ExitCode`, `Running`. */
  state(field: string): Promise<string> {
    return podman('inspect', '--format', `{{.State.${field}}}`, this.id);
  }
}
