/** `polyloop top`: what every loop of a running server does, as a table that is drawn anew every second. */
import { setTimeout as delay } from 'node:timers/promises';
import { flagKind } from '../option-kinds.ts';
import type { ServerStatus } from '../primary/admin/status.ts';
import { failed } from './command.ts';
import { adminUrl, fetchStatus, followStatus, whatFailed } from './top/feed.ts';
import { allRates, type Rates, ratesBetween } from './top/rates.ts';
import { Screen } from './top/screen.ts';
import { painter, type View, viewLines } from './top/view.ts';
import { readArguments, type Usage } from './usage.ts';

const DEFAULT_URL = 'http://127.0.0.1:9464';
/** Between the two looks that rates are made of. */
const INTERVAL_MS = 1000;

export const usage = {
  synopsis: 'top [URL]',
  about: `Shows the loops of a running server: connections, messages per second, lag, heap. URL is that of the server's admin HTTP,
${DEFAULT_URL} when it is left out.`,
  flags: {
    once: {
      metavar: '',
      kind: flagKind,
      fallback: false,
      help: 'print one table and exit, also on a terminal',
    },
    json: { metavar: '', kind: flagKind, fallback: false, help: 'print one line of JSON instead, and exit' },
  },
  notes:
    'q or Ctrl-C ends it. When the output is not a terminal, one table is printed. NO_COLOR turns colours off.',
} as const satisfies Usage;

export async function run(args: readonly string[]): Promise<number> {
  const { argument, values } = readArguments(usage, args);
  const url = adminUrl(argument ?? DEFAULT_URL);
  let before: ServerStatus;
  try {
    before = await fetchStatus(url);
    if (!process.stdout.isTTY || values.once || values.json) {
      await delay(INTERVAL_MS);
      print(before, await fetchStatus(url), url, values.json);
      return 0;
    }
  } catch (error) {
    return failed(`top: ${whatFailed(url, error)}`);
  }
  await watch(url, before);
  return 0;
}

function print(before: ServerStatus, status: ServerStatus, url: URL, asJson: boolean): void {
  const rates = ratesBetween(before, status);
  if (asJson) {
    const loops = status.loops.map((loop) => ({ ...loop, perSecond: rates?.get(loop.id) ?? null }));
    process.stdout.write(`${JSON.stringify({ ...status, loops, perSecond: rates && allRates(rates) })}\n`);
    return;
  }
  const paint = painter(process.stdout);
  const { columns = Number.POSITIVE_INFINITY } = process.stdout;
  const lines = viewLines(
    { url, status, rates, lost: null },
    { columns, rows: Number.POSITIVE_INFINITY },
    paint,
  );
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Until somebody quits. */
async function watch(url: URL, first: ServerStatus): Promise<void> {
  const quit = new AbortController();
  const { stdout, stdin } = process;
  const paint = painter(stdout);
  let view: View = { url, status: first, rates: null, lost: null };
  const screen = new Screen(stdout, stdin, {
    lines: (size) => viewLines(view, size, paint),
    onQuit: () => quit.abort(),
  });
  screen.open();
  try {
    for await (const { status, lost } of followStatus(url, quit.signal)) {
      // A status that is older than the one at hand has no rates; the next one has.
      const rates: ReadonlyMap<number, Rates> | null = status
        ? ratesBetween(view.status, status)
        : view.rates;
      view = { url, status: status ?? view.status, rates: rates ?? view.rates, lost: lost ?? null };
      screen.draw();
    }
  } finally {
    screen.close();
  }
}
