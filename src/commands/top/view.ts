/** A server's status as lines of text for a screen of a given size. */
import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import type { ServerEvent, ServerStatus } from '../../primary/admin/status.ts';
import type { BackplaneStatus } from '../../primary/open-bridge.ts';
import { shownBytes, shownCount, shownShare, shownTime } from '../figures.ts';
import { loopTable } from './loop-table.ts';
import type { Rates } from './rates.ts';
import type { Size } from './screen.ts';

export interface View {
  readonly url: URL;
  readonly status: ServerStatus;
  /** By loop; null until there are two statuses of this server. */
  readonly rates: ReadonlyMap<number, Rates> | null;
  /** Why the status is not of this moment; null when it is. */
  readonly lost: string | null;
}

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green';
export type Paint = (style: Style, text: string) => string;

/** Colours where the stream has some and `NO_COLOR` does not forbid them. */
export const painter = (stream: WriteStream): Paint =>
  stream.isTTY && stream.hasColors() ? (style, text) => styleText(style, text) : (_, text) => text;

/** Events that are worth a look when there is room for more. */
const MOST_EVENTS = 10;
const BLANK_BEFORE_EVENTS = 1;
/** Without it the totals would have no room. */
const ROWS_WITH_BACKPLANE = 6;
const STATE_STYLE: Readonly<Record<ServerStatus['state'], Style>> = {
  starting: 'yellow',
  ready: 'green',
  degraded: 'yellow',
  unready: 'red',
  draining: 'yellow',
};
const LEVEL_STYLE: Readonly<Record<ServerEvent['level'], Style>> = {
  info: 'dim',
  warn: 'yellow',
  error: 'red',
};

export function viewLines(view: View, size: Size, paint: Paint): string[] {
  const head = headLines(view, size, paint);
  const table = loopTable(view, { columns: size.columns, rows: size.rows - head.length }, paint);
  const room = size.rows - head.length - table.length - BLANK_BEFORE_EVENTS;
  const events = view.status.events.slice(-Math.max(0, Math.min(MOST_EVENTS, room)));
  if (room < 1 || events.length === 0) return [...head, ...table];
  return [...head, ...table, '', ...events.map((event) => eventLine(event, size.columns, paint))];
}

function headLines({ url, status, lost }: View, { columns, rows }: Size, paint: Paint): string[] {
  const { version, state, detail, uptimeMs, pid, nodeVersion, restarts, log, channels, residentBytes } =
    status;
  const causes = Object.entries(restarts).filter(([, count]) => count > 0);
  const restarted =
    causes.length > 0 ? ` (${causes.map(([cause, count]) => `${cause} ${count}`).join(', ')})` : '';
  const count = causes.reduce((sum, [, each]) => sum + each, 0);
  const name = `polyloop ${version}  `;
  const shownState = detail === null ? state : `${state}: ${detail}`;
  const rest = `  up ${shownTime(uptimeMs)}  loops replaced ${count}${restarted}`;
  const first =
    name.length + shownState.length + rest.length <= columns
      ? name + paint(STATE_STYLE[state] ?? 'bold', shownState) + rest
      : cut(name + shownState + rest, columns);
  const figures = [
    `${url.host}`,
    `pid ${pid}, Node ${nodeVersion}`,
    `memory ${shownBytes(residentBytes)}`,
    `log ${shownBytes(log.bytes)}, ${shownShare(log.unreadBytes / log.bytes)} unread`,
    `channels ${shownCount(channels.count)}`,
  ];
  const second =
    lost === null
      ? paint('dim', cut(figures.join('  '), columns))
      : paint('red', cut(`these figures are old, trying again: ${lost}`, columns));
  const { backplane } = status;
  if (backplane === null || rows < ROWS_WITH_BACKPLANE) return [first, second, ''];
  return [first, second, backplaneLine(backplane, columns, paint), ''];
}

function backplaneLine(backplane: BackplaneStatus, columns: number, paint: Paint): string {
  const { engine, node, state, sent, received, missed, dropped, waitingBytes } = backplane;
  const figures = [
    `backplane ${engine} ${state}`,
    `node ${node}`,
    `sent ${shownCount(sent)}, received ${shownCount(received)}`,
    `missed ${shownCount(missed)}, dropped ${shownCount(dropped)}`,
    `waiting ${shownBytes(waitingBytes)}`,
  ];
  return paint(state === 'connected' ? 'dim' : 'yellow', cut(figures.join('  '), columns));
}

function eventLine({ at, level, loop, text }: ServerEvent, columns: number, paint: Paint): string {
  const time = new Date(at).toLocaleTimeString('en-GB');
  const line = `${time} ${level.padEnd(5)} ${loop === null ? '' : `loop ${loop}: `}${text}`;
  return paint(LEVEL_STYLE[level] ?? 'bold', cut(line, columns));
}

const cut = (line: string, columns: number): string =>
  line.length > columns ? `${line.slice(0, Math.max(0, columns - 1))}…` : line;
