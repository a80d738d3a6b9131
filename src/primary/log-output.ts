/** Where all log lines of the process go: one writer, so that lines of different threads never mix. */
import { type DestinationStream, type Logger, pino } from 'pino';

const STDOUT = 1;

export interface LogOutput {
  readonly log: Logger;
  /** Writes a line that a loop's logger has finished. */
  writeLine(line: string): void;
}

/** JSON lines, or readable ones when the output is a terminal. */
export async function openLog(level: string): Promise<LogOutput> {
  shared ??= openOutput();
  const destination = await shared;
  return {
    log: pino({ level, base: null }, destination),
    writeLine: (line) => {
      destination.write(line);
    },
  };
}

/** One per process: two servers in one process share it. */
let shared: Promise<DestinationStream> | undefined;

async function openOutput(): Promise<DestinationStream> {
  if (!process.stdout.isTTY) return pino.destination({ fd: STDOUT, sync: false });
  // Loaded here and not above: who runs without a terminal has no use for it.
  const { default: pretty } = await import('pino-pretty');
  return pretty({ sync: true, singleLine: true, translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname' });
}
