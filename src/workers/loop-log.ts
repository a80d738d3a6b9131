import type { MessagePort } from 'node:worker_threads';
import { type Logger, pino } from 'pino';
import { plainError } from '../plain-error.ts';
import type { LoopToPrimary } from './messages.ts';

/** A logger whose finished lines go to the primary, which alone writes: lines of different threads never mix. */
export function loopLogger(port: MessagePort, level: string, loopId: number): Logger {
  const write = (line: string): void => port.postMessage({ type: 'log', line } satisfies LoopToPrimary);
  return pino({ level, base: { loop: loopId } }, { write });
}

/** Logs what user code threw, which may be anything, even something that throws when it is looked at. */
export function logError(log: Logger, fields: object, thrown: unknown, message: string): void {
  try {
    log.error({ ...fields, err: thrown }, message);
  } catch {
    log.error({ ...fields, err: plainError(thrown) }, message);
  }
}
