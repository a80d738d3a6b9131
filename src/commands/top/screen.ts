/** A terminal that is drawn on in place: the alternate screen, so that what was there before comes back. */
import type { ReadStream, WriteStream } from 'node:tty';

// xterm's control sequences, which every terminal of today knows.
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l'; // alternate screen, no cursor, no wrapping
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
const CTRL_C = '\x03';
/** What a terminal without a size is taken for. */
const USUAL = { columns: 80, rows: 24 };

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Drawn {
  /** What to show at that size. */
  lines(size: Size): readonly string[];
  /** `q`, Ctrl-C, or a signal. */
  onQuit(): void;
}

export class Screen {
  readonly #output: WriteStream;
  readonly #input: ReadStream;
  readonly #drawn: Drawn;
  #isOpen = false;

  constructor(output: WriteStream, input: ReadStream, drawn: Drawn) {
    this.#output = output;
    this.#input = input;
    this.#drawn = drawn;
  }

  open(): void {
    this.#isOpen = true;
    process.on('exit', this.#restore);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, this.#quit);
    this.#output.on('resize', this.#redraw);
    if (this.#input.isTTY) {
      this.#input.setRawMode(true);
      this.#input.setEncoding('utf8').on('data', this.#onKeys).resume();
    }
    this.#output.write(ENTER);
    this.draw();
  }

  draw(): void {
    if (!this.#isOpen) return;
    const { columns, rows } = this.#output;
    // A terminal that was never told its size says 0.
    const size = { columns: columns || USUAL.columns, rows: rows || USUAL.rows };
    const lines = this.#drawn.lines(size).slice(0, size.rows);
    // In one piece, without a line break at the end: the last line must not scroll the first one out.
    this.#output.write(HOME + lines.map((line) => line + CLEAR_LINE).join('\r\n') + CLEAR_BELOW);
  }

  close(): void {
    this.#restore();
    process.off('exit', this.#restore);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, this.#quit);
    this.#output.off('resize', this.#redraw);
    this.#input.off('data', this.#onKeys).pause();
  }

  readonly #redraw = (): void => this.draw();
  readonly #quit = (): void => this.#drawn.onQuit();

  readonly #onKeys = (keys: string): void => {
    if (/^[qQ]/.test(keys) || keys.includes(CTRL_C)) this.#quit();
  };

  /** Also at the end of the process, however it came. */
  readonly #restore = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#input.isTTY) this.#input.setRawMode(false);
    this.#output.write(LEAVE);
  };
}
