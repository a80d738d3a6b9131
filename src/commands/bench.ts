/** `polyloop bench`: sends messages to a WebSocket server for a while, and shows how long the answers took. */
import { SingleBar } from 'cli-progress';
import { shownValue } from '../config.ts';
import { ConfigError } from '../errors.ts';
import { bytes, duration, flagKind, integer } from '../option-kinds.ts';
import { Load, type LoadOptions } from './bench/load.ts';
import { isClean, type LoadResult, resultText } from './bench/result.ts';
import { failed } from './command.ts';
import { shownCount } from './figures.ts';
import { readArguments, type Usage } from './usage.ts';

const SECOND = 1000;
const MIB = 1024 * 1024;
const PROGRESS_MS = 100;
/** Room for the numbers of the connection and of the message. */
const LEAST_BYTES = 20;

export const usage = {
  synopsis: 'bench URL',
  about: `Opens WebSockets to URL (ws: or wss:), sends numbered messages on each for a while, and shows how long the answers took.
Where the endpoint echoes, every answer is checked: its content, and that it comes in order. Where it does not echo, a ping
goes behind each message, and its pong counts as the answer.`,
  flags: {
    connections: {
      metavar: 'N',
      kind: integer(1, 50_000),
      fallback: 50,
      shown: '50',
      help: 'connections, all of them open before the first message',
    },
    duration: {
      metavar: 'TIME',
      kind: duration(100, 3600 * SECOND, false),
      fallback: 5 * SECOND,
      shown: '5s',
      help: 'how long to send',
    },
    size: {
      metavar: 'BYTES',
      kind: bytes(LEAST_BYTES, 16 * MIB),
      fallback: LEAST_BYTES,
      shown: `${LEAST_BYTES}`,
      help: 'size of a message, which is text',
    },
    'in-flight': {
      metavar: 'N',
      kind: integer(1, 10_000),
      fallback: 1,
      shown: '1',
      help: 'most messages of a connection that wait for their answers',
    },
    rate: {
      metavar: 'N',
      kind: integer(0, 10_000_000),
      fallback: 0,
      shown: '0',
      help: 'messages per second, all connections together; times count from when a message was due; 0 is as many as are answered',
    },
    json: { metavar: '', kind: flagKind, fallback: false, help: 'print one line of JSON instead' },
  },
  notes: `Exits with 1 when an answer was wrong or missing, or a connection failed. This is a quick look from one process, which takes
its share of the machine when the server runs on it too; measurements to rely on are made as in load/ of the repository.`,
} as const satisfies Usage;

export async function run(args: readonly string[]): Promise<number> {
  const { argument = '', values } = readArguments(usage, args);
  const options: LoadOptions = {
    url: webSocketUrl(argument),
    connections: values.connections,
    durationMs: values.duration,
    size: values.size,
    inFlight: values['in-flight'],
    rate: values.rate,
  };
  const load = new Load(options);
  let result: LoadResult;
  try {
    result = await withProgress(load, options);
  } catch (error) {
    return failed(`bench: ${options.url}: ${(error as Error).message}`);
  }
  process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : resultText(result, options));
  return isClean(result) ? 0 : 1;
}

function webSocketUrl(text: string): string {
  const { protocol = '', hash = '' } = URL.canParse(text) ? new URL(text) : {};
  if (/^wss?:$/.test(protocol) && hash === '') return text;
  throw new ConfigError(`bench: ${shownValue(text)} is not accepted; give a URL as ws://127.0.0.1:3000/echo`);
}

async function withProgress(load: Load, { durationMs }: LoadOptions): Promise<LoadResult> {
  if (!process.stderr.isTTY) return load.run();
  const bar = new SingleBar({ format: '{bar} {percentage} %  {answered} answers', clearOnComplete: true });
  bar.start(durationMs, 0, { answered: '0' });
  const timer = setInterval(
    () => bar.update(load.elapsedMs, { answered: shownCount(load.answered) }),
    PROGRESS_MS,
  );
  try {
    return await load.run();
  } finally {
    clearInterval(timer);
    bar.stop();
  }
}
