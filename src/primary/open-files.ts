/** Tells at the start when the system will not let the server have as many connections as it may. */
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';

/** Files of the primary (21 measured), plain HTTP requests and handshakes that will be refused. */
const FILES_OF_PRIMARY = 64;
/** Epoll, timers, wake-ups (7 measured). */
const FILES_OF_LOOP = 10;

/** Open files that so many connections need. */
export const filesNeeded = ({ maxConnections, workers }: Config): number =>
  // At a reload there is one loop more.
  maxConnections + FILES_OF_PRIMARY + FILES_OF_LOOP * (workers + 1);

/** Does nothing without a limit of connections, or where the system does not say how many files there may be (Linux does). */
export function warnOfFewFiles(config: Config, log: Logger, openFiles: number = openFilesLimit()): void {
  const needed = filesNeeded(config);
  if (config.maxConnections === 0 || openFiles >= needed) return;
  const hint = `set the limit of open files to ${needed} or more (LimitNOFILE, --ulimit nofile, ulimit -n), or maxConnections lower`;
  log.warn({ openFiles, needed, maxConnections: config.maxConnections, hint }, 'too few open files');
}

/** The limit of this process. Node has raised it to the hard limit when it began. */
function openFilesLimit(): number {
  try {
    const [, limit] = /^Max open files\s+(\d+)\s/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
