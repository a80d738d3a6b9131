/** A real redis-server on a free port of loopback, which can be stopped and started again on the same port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';

const PLACES = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'];
const program = PLACES.find((place) => existsSync(place));
/** Why tests with it are skipped; undefined when they are not. */
export const NO_REDIS = program === undefined ? 'redis-server is not installed' : undefined;

export class RedisServer {
  readonly port: number;
  readonly #args: readonly string[];
  readonly #directory: string;
  #process: ChildProcess | undefined;

  /** Keeps what it has over a kill, but for `...args` that say otherwise. */
  static async start(...args: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), args);
    await server.start();
    return server;
  }

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.#args = args;
    this.#directory = mkdtempSync(join(tmpdir(), 'redis-'));
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const args = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.#directory];
    const child = spawn(program ?? '', [...args, '--save', '', '--appendonly', 'yes', ...this.#args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    for await (const line of createInterface(child.stdout)) {
      if (line.includes('Ready to accept connections')) {
        child.stdout.resume();
        return;
      }
    }
    throw new Error('redis-server ended');
  }

  /** Runs one command, over a connection of its own. */
  async command(...words: string[]): Promise<unknown> {
    const redis = new Redis({ host: '127.0.0.1', port: this.port, lazyConnect: true });
    try {
      await redis.connect();
      const [name = '', ...args] = words;
      return await redis.call(name, ...args);
    } finally {
      redis.disconnect();
    }
  }

  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  unpause(): void {
    this.#process?.kill('SIGCONT');
  }

  /** It can be started again. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }

  /** For good. */
  async end(): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
