/** A server of Python's `websockets` package, as a process of its own: test/fixtures/programs/websockets-server.py. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Arrivals } from './arrivals.ts';
import type { Closed } from './peer.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/programs/websockets-server.py', import.meta.url));
/** The one that comes first in PATH need not be the one that has the package of the system. */
const COMMANDS = ['python3', '/usr/bin/python3'];

/** A Python with `websockets`; undefined when there is none. */
export function findPython(): string | undefined {
  return COMMANDS.find(
    (command) => spawnSync(command, ['-c', 'import websockets.legacy.server']).status === 0,
  );
}

export class PythonServer {
  readonly #child: ChildProcess;
  readonly #lines = new Arrivals<unknown>();
  readonly #closes = new Map<string, Arrivals<Closed>>();
  #ports: readonly number[] = [];

  private constructor(python: string) {
    this.#child = spawn(python, ['-W', 'ignore', PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('the program has no output');
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#lines.add(JSON.parse(line)));
  }

  static async start(python: string): Promise<PythonServer> {
    const server = new PythonServer(python);
    server.#ports = (await server.#lines.next()) as number[];
    void server.#read();
    return server;
  }

  /** Where it agrees to permessage-deflate, or where it does not. */
  url(path: string, compression: boolean): string {
    return `ws://127.0.0.1:${this.#ports[compression ? 0 : 1]}${path}`;
  }

  /** How the next connection to this path was closed, as the server saw it. */
  closed(path: string): Promise<Closed> {
    return this.#closesOf(path).next();
  }

  async close(): Promise<void> {
    this.#child.stdin?.end();
    await once(this.#child, 'exit');
  }

  async #read(): Promise<void> {
    for (;;) {
      const [path, code, reason] = (await this.#lines.next()) as [string, number, string];
      this.#closesOf(path).add({ code, reason });
    }
  }

  #closesOf(path: string): Arrivals<Closed> {
    const closes = this.#closes.get(path) ?? new Arrivals<Closed>();
    this.#closes.set(path, closes);
    return closes;
  }
}
