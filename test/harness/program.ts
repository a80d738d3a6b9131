/** One of the programs in test/fixtures/programs, as a process of its own that is told what to do. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Exit } from './server-process.ts';

export class Program {
  readonly exit: Promise<Exit>;
  output = '';
  readonly #child: ChildProcess;

  constructor(file: string, ...args: string[]) {
    const path = fileURLToPath(new URL(`../fixtures/programs/${file}`, import.meta.url));
    this.#child = fork(path, args, { silent: true, execArgv: [] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.exit = once(this.#child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
    }));
  }

  /** What the program says next. */
  async message(): Promise<unknown> {
    const [message] = await once(this.#child, 'message');
    return message;
  }

  tell(message: string): void {
    this.#child.send(message);
  }
}
