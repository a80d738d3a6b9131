import type { MessagePort } from 'node:worker_threads';
import { type Logger, pino } from 'pino';
import type { LoopToPrimary } from './messages.ts';

/** A logger whose finished lines go to the primary, which alone writes: lines of different threads never mix. */
export function loopLogger(port: MessagePort, level: string, loopId: number): Logger {
  const write = (line: string): void => port.postMessage({ type: 'log', line } satisfies LoopToPrimary);
  return pino({ level, base: { loop: loopId } }, { write });
}
