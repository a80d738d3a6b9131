/** What a load has shown. */
import { plainText, shownCount, shownShare } from '../figures.ts';
import { tableLines } from '../table.ts';
import type { LoadOptions } from './load.ts';

/** Share of the messages that may be late without a word: the last ones have no time to be sent. */
const FEW = 0.01;
/** From here on this process is too busy to say how quick the server is. */
const TOO_BUSY = 0.9;

export interface LoadResult {
  /** The endpoint sends messages back, so every answer was checked. If not, pongs were the answers. */
  readonly isEcho: boolean;
  /** How long messages were sent. */
  readonly seconds: number;
  readonly connections: { readonly opened: number; readonly failed: number; readonly lost: number };
  readonly messages: {
    readonly sent: number;
    readonly answered: number;
    /** Answered with something else, or out of order. */
    readonly wrong: number;
    readonly unanswered: number;
    /** What the rate asked for and was not sent, because too much was unanswered. */
    readonly late: number;
  };
  /** Answered ones. */
  readonly messagesPerSecond: number;
  /** From when a message was due to its answer; null when there was none. */
  readonly latencyMs: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly p999: number;
    readonly max: number;
  } | null;
  /** Of this process' event loop, 0 to 1. */
  readonly utilization: number;
  /** The first thing that went wrong. */
  readonly trouble: string | null;
}

/** Every connection lasted, and every message was answered right. */
export const isClean = ({ connections, messages }: LoadResult): boolean =>
  connections.failed + connections.lost + messages.wrong + messages.unanswered === 0;

export function resultText(result: LoadResult, { url, size, inFlight, rate }: LoadOptions): string {
  const { connections, messages, latencyMs, utilization } = result;
  const pace = rate === 0 ? '' : `, ${rate} messages/s`;
  const lines = [
    `${url}: ${connections.opened} connections, ${size} bytes, ${inFlight} in flight each${pace}, ${result.seconds.toFixed(1)} s`,
    '',
  ];
  if (latencyMs !== null)
    lines.push(
      ...tableLines(
        [
          ['', 'p50', 'p90', 'p99', 'p99.9', 'max'],
          ['latency, ms', ...Object.values(latencyMs).map((ms) => ms.toFixed(2))],
        ],
        ['left', 'right', 'right', 'right', 'right', 'right'],
      ),
      '',
    );
  lines.push(
    ...tableLines([
      ['messages/s', shownCount(result.messagesPerSecond)],
      [
        'messages',
        `${messages.sent} sent, ${messages.answered} answered, ${messages.wrong} wrong, ${messages.unanswered} unanswered`,
      ],
      ['connections', `${connections.opened} opened, ${connections.failed} failed, ${connections.lost} lost`],
      ['this process', `busy ${shownShare(utilization)} of the time`],
    ]),
  );
  if (!result.isEcho)
    lines.push(
      'The endpoint does not echo: answers are pongs to pings behind the messages, contents were not checked.',
    );
  if (utilization > TOO_BUSY)
    lines.push('This process was busy almost all the time: it may be the limit, and not the server.');
  if (messages.late > messages.sent * FEW)
    lines.push(`The rate was not reached: ${messages.late} messages were not sent in time.`);
  if (result.trouble !== null) lines.push(`First of what went wrong: ${result.trouble}`);
  return `${lines.map(plainText).join('\n')}\n`;
}
