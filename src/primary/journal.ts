/** What happens to the server and its loops while it runs: to the log lines, and kept for a while for who asks later. */
import type { Logger } from 'pino';
import type { ServerEvent } from './admin/status.ts';

const KEPT = 100;

/** Of a log line. `loop` and `reason` are part of the event, too. */
export interface EventFields {
  readonly loop?: number;
  /** In one line. */
  readonly reason?: string;
  readonly [field: string]: unknown;
}

export class Journal {
  readonly #log: Logger;
  readonly #events: ServerEvent[] = [];
  #count = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** The latest, oldest first. */
  get events(): readonly ServerEvent[] {
    return [...this.#events];
  }

  info(fields: EventFields, text: string): void {
    this.#log.info(fields, text);
    this.#keep('info', fields, text);
  }

  warn(fields: EventFields, text: string): void {
    this.#log.warn(fields, text);
    this.#keep('warn', fields, text);
  }

  error(fields: EventFields, text: string): void {
    this.#log.error(fields, text);
    this.#keep('error', fields, text);
  }

  fatal(fields: EventFields, text: string): void {
    this.#log.fatal(fields, text);
    this.#keep('error', fields, text);
  }

  #keep(level: ServerEvent['level'], { loop, reason }: EventFields, text: string): void {
    this.#events.push({
      number: ++this.#count,
      at: new Date().toISOString(),
      level,
      loop: loop ?? null,
      text: reason === undefined ? text : `${text}: ${reason}`,
    });
    if (this.#events.length > KEPT) this.#events.shift();
  }
}
