/** One of the clients in examples as a process of its own, started as its run line says, and what it prints. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { until } from './until.ts';

export class ExampleClient {
  readonly lines: string[] = [];
  errors = '';
  /** Its exit code. */
  readonly exit: Promise<number | null>;
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(file: string, ...args: string[]) {
    const runLine = ` * Run: npx tsx ${file} `;
    if (!readFileSync(file, 'utf8').includes(runLine)) throw new Error(`${file} has another run line`);
    this.#child = spawn(process.execPath, ['--import', 'tsx', file, ...args]);
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.lines.push(line));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    this.exit = once(this.#child, 'close').then(([code]) => code as number | null);
    onTestFinished(() => void this.#child.kill('SIGKILL'));
  }

  /** Lines that are not about itself. */
  get texts(): string[] {
    return this.lines.filter((line) => !line.startsWith('*'));
  }

  /** Resolves when it has printed such a line so many times. */
  async printed(line: string, times = 1): Promise<void> {
    await until(() => this.lines.filter((each) => each === line).length >= times);
  }

  write(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Nothing more comes from the keyboard. */
  end(): void {
    this.#child.stdin.end();
  }
}
