/** Where all log lines of the process go: one writer, so that lines of different threads never mix. */
import { type DestinationStream, type Logger, pino } from 'pino';
import { within } from '../within.ts';

const STDOUT = 1;
export const STDERR = 2;
/** How long the end of the server waits for a reader of its log that is slow. */
const FLUSH_TIMEOUT_MS = 1000;

type Output = DestinationStream | ReturnType<typeof pino.destination>;

export interface LogOutput {
  readonly log: Logger;
  /** Writes a line that a loop's logger has finished. */
  writeLine(line: string): void;
  /** Resolves when all lines are out, or when whoever reads them has not kept up for a while. */
  flush(): Promise<void>;
}

/** JSON lines, or readable ones when the output is a terminal. Where they go is settled by the first call. */
export async function openLog(level: string, fd: typeof STDOUT | typeof STDERR = STDOUT): Promise<LogOutput> {
  shared ??= openOutput(fd);
  const destination = await shared;
  return {
    log: pino({ level, base: null }, destination),
    writeLine: (line) => {
      destination.write(line);
    },
    flush: () => flushed(destination),
  };
}

async function flushed(destination: Output): Promise<void> {
  if (!('flush' in destination)) return;
  await within(FLUSH_TIMEOUT_MS, new Promise<void>((resolve) => destination.flush(() => resolve())));
}

/** One per process: two servers in one process share it. */
let shared: Promise<Output> | undefined;

async function openOutput(fd: typeof STDOUT | typeof STDERR): Promise<Output> {
  // With a minimum length of 0 its flush would not wait for lines that are on their way out.
  if (!(fd === STDOUT ? process.stdout : process.stderr).isTTY)
    return pino.destination({ fd, sync: false, minLength: 1 });
  // Loaded here and not above: who runs without a terminal has no use for it.
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    destination: fd,
    sync: true,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
  });
}
