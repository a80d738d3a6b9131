/** A command on a terminal of its own, by `script` of util-linux. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const COMMAND = fileURLToPath(new URL('../../dist/server.js', import.meta.url));

/** False where there is no such `script`: on systems other than Linux. */
export const hasTerminals = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

// What places text on the screen.
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

const stty = ({ columns, rows }: TerminalSize): string => `cols ${columns} rows ${rows}`;

export class Terminal {
  /** Everything that was written to the terminal. */
  output = '';
  readonly exit: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();

  /** Runs `polyloop` with these arguments, until the test is over at most. */
  constructor(args: readonly string[], size: TerminalSize, env: NodeJS.ProcessEnv = {}) {
    const command = [process.execPath, COMMAND, ...args].map((word) => `'${word}'`).join(' ');
    const run = `tty; echo "pid $$"; stty ${stty(size)}; exec ${command}`;
    this.#child = spawn('script', ['-qefc', run, '/dev/null'], {
      env: { PATH: process.env.PATH, TERM: 'xterm-256color', SHELL: '/bin/sh', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    onTestFinished(() => void this.#child.kill('SIGKILL'));
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
      for (const check of this.#waiting) check();
    });
    this.exit = once(this.#child, 'close').then(([code]) => {
      for (const check of this.#waiting) check();
      return code as number | null;
    });
  }

  /** What the terminal was last told to show, without the sequences that place it; '' before the first screen. */
  get screen(): string {
    const screens = this.output.replaceAll(CLEAR_LINE, '').replaceAll(CLEAR_BELOW, '').split(HOME);
    return screens.length < 2 ? '' : (screens.at(-1) ?? '').replaceAll('\r', '');
  }

  /** Resolves when the screen shows that. Rejects when the command ends before. */
  shows(text: string | RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const isShown = typeof text === 'string' ? this.screen.includes(text) : text.test(this.screen);
        const isOver = this.#child.exitCode !== null || this.#child.signalCode !== null;
        if (!isShown && !isOver) return;
        this.#waiting.delete(check);
        if (isShown) resolve();
        else reject(new Error(`ended without showing ${text}: ${this.output}`));
      };
      this.#waiting.add(check);
      check();
    });
  }

  press(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  resize(size: TerminalSize): void {
    const [device = ''] = /\/dev\/\S+/.exec(this.output) ?? [];
    spawnSync('stty', ['-F', device, ...stty(size).split(' ')]);
  }

  /** Sends a signal to the command itself. */
  kill(signal: NodeJS.Signals): void {
    process.kill(Number(/pid (\d+)/.exec(this.output)?.[1]), signal);
  }
}
