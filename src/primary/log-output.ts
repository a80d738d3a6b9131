/** Where all log lines of the process go: one writer, so that lines of different threads never mix. */
import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

const STDOUT = 1;

export interface LogOutput {
  readonly log: Logger;
  /** Writes a line that a loop's logger has finished. */
  writeLine(line: string): void;
}

/** JSON lines, or readable ones when the output is a terminal. */
export function openLog(level: string): LogOutput {
  const destination = output();
  return {
    log: pino({ level, base: null }, destination),
    writeLine: (line) => {
      destination.write(line);
    },
  };
}

let shared: DestinationStream | undefined;

/** One per process: two servers in one process share it. */
function output(): DestinationStream {
  shared ??= process.stdout.isTTY
    ? pretty({ colorize: true, sync: true, translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname' })
    : pino.destination({ fd: STDOUT, sync: false });
  return shared;
}
