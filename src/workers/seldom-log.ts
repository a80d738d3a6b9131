import type { Logger } from 'pino';

/** Least time between two log lines of a kind. */
export const SELDOM_MS = 10_000;

interface Kind {
  /** Events since the last line. */
  count: number;
  /** Fields of the latest of them. */
  fields: object;
}

/**
 * Log lines for what clients can cause as often as they like: the first of a kind at once, then at most one each `SELDOM_MS`,
 * with how many events it stands for in `count`. Other fields are those of the latest event.
 */
export class SeldomLog {
  readonly #log: Logger;
  readonly #waiting = new Map<string, Kind>();

  constructor(log: Logger) {
    this.#log = log;
  }

  warn(kind: string, fields: object, message: string): void {
    const waiting = this.#waiting.get(kind);
    if (waiting === undefined) {
      this.#write(kind, { count: 1, fields }, message);
    } else {
      waiting.count++;
      waiting.fields = fields;
    }
  }

  #write(kind: string, { count, fields }: Kind, message: string): void {
    this.#log.warn({ ...fields, count }, message);
    const next: Kind = { count: 0, fields };
    this.#waiting.set(kind, next);
    setTimeout(() => {
      if (next.count > 0) this.#write(kind, next, message);
      else this.#waiting.delete(kind);
    }, SELDOM_MS).unref();
  }
}
