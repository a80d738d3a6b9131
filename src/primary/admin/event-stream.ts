/** The status of the server, every second, to all who listen: server-sent events. */
import type { ServerResponse } from 'node:http';
import type { ServerStatus } from './status.ts';

const INTERVAL_MS = 1000;
/** A listener that has not taken a status for so many seconds is dropped. Meanwhile it misses the newer ones: nothing gathers. */
const MAX_SECONDS_BEHIND = 10;

export class EventStream {
  readonly #status: () => ServerStatus;
  /** With the seconds since each last took a status. */
  readonly #listeners = new Map<ServerResponse, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(status: () => ServerStatus) {
    this.#status = status;
  }

  /** Throws, before anything is answered, when the status cannot be read. */
  add(res: ServerResponse): void {
    const frame = this.#frame();
    res.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // What proxies understand as: do not gather.
      'x-accel-buffering': 'no',
    });
    if (res.req.method === 'HEAD') {
      res.end();
      return;
    }
    // Headers alone would wait for the first event.
    res.write(frame);
    this.#listeners.set(res, 0);
    res.once('close', () => this.#remove(res));
    this.#timer ??= setInterval(() => this.#tell(), INTERVAL_MS).unref();
  }

  close(): void {
    for (const res of this.#listeners.keys()) res.end();
    this.#listeners.clear();
    clearInterval(this.#timer);
  }

  #tell(): void {
    let frame: string;
    try {
      frame = this.#frame();
    } catch {
      // The log could not be had, as when a thread has just ended in it. The next second tells more.
      return;
    }
    for (const [res, behind] of this.#listeners) {
      if (res.writableLength === 0) {
        res.write(frame);
        this.#listeners.set(res, 0);
      } else if (behind < MAX_SECONDS_BEHIND) this.#listeners.set(res, behind + 1);
      else res.destroy();
    }
  }

  #frame(): string {
    return `event: status\ndata: ${JSON.stringify(this.#status())}\n\n`;
  }

  #remove(res: ServerResponse): void {
    this.#listeners.delete(res);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
