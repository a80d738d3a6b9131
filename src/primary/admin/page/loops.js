/** All loops side by side: a table, of which each row becomes a card where the window is narrow. */
import { byId, make, resize, write } from './dom.js';
import { shownBytes, shownCount, shownMs, shownRate, shownShare, shownTime, UNKNOWN } from './figures.js';
import { lagOf, sum, sumOfRates } from './rates.js';

/** A thread that is no older than this counts as new. */
const NEW_MS = 60_000;
/** From these shares on a bar says that it is much. */
const MUCH = 0.8;

const rateColumn = (name, label) => ({
  label,
  of: (_, rates) => ({ text: shownRate(rates[name]) }),
  ofAll: ({ rates }) => ({ text: shownRate(sumOfRates(rates, name)) }),
});

/** `share` makes a bar. */
const COLUMNS = [
  {
    label: 'Loop',
    of: ({ id }) => ({ text: `Loop ${id}` }),
    ofAll: () => ({ text: 'All' }),
  },
  {
    label: 'Generation',
    of: ({ generation }) => ({ text: String(generation) }),
    ofAll: () => ({ text: '' }),
  },
  {
    label: 'State',
    of: (loop) => stateOf(loop),
    ofAll: ({ loops }) => ({ text: `${loops.filter(isWell).length} of ${loops.length} ready` }),
  },
  {
    label: 'Connections',
    of: ({ connections }) => ({ text: shownCount(connections) }),
    ofAll: ({ loops }) => ({ text: shownCount(sum(loops.map((loop) => loop.connections))) }),
  },
  rateColumn('messagesIn', 'In/s'),
  rateColumn('messagesOut', 'Out/s'),
  rateColumn('published', 'Published/s'),
  rateColumn('deliveries', 'Delivered/s'),
  {
    label: 'Lag',
    of: (loop) => ({ text: shownLag(lagOf(loop)) }),
    ofAll: ({ loops }) => ({ text: shownLag(Math.max(...loops.map((loop) => lagOf(loop) ?? 0))) }),
  },
  {
    label: 'Utilization',
    // What a loop said of itself before it got stuck is not true any more.
    of: ({ utilization, isStale }) => (isStale ? { text: UNKNOWN, share: 0 } : bar(utilization)),
    ofAll({ loops }) {
      const turning = loops.filter(({ isStale }) => !isStale);
      return bar(sum(turning.map((loop) => loop.utilization)) / Math.max(1, turning.length));
    },
  },
  {
    label: 'Log unread',
    of: ({ unreadBytes }, _, log) => bar(unreadBytes / log.bytes),
    ofAll: ({ log }) => bar(log.unreadBytes / log.bytes),
  },
  {
    label: 'Heap',
    of: ({ heapUsedBytes, heapLimitBytes }) => heap(heapUsedBytes, heapLimitBytes),
    ofAll: ({ loops }) =>
      heap(sum(loops.map((loop) => loop.heapUsedBytes)), sum(loops.map((loop) => loop.heapLimitBytes))),
  },
  {
    label: 'Buffered',
    of: ({ bufferedBytes }) => ({ text: shownBytes(bufferedBytes) }),
    ofAll: ({ loops }) => ({ text: shownBytes(sum(loops.map((loop) => loop.bufferedBytes))) }),
  },
];

const isWell = ({ state, isStale }) => state === 'ready' && !isStale;
const shownLag = (ms) => (ms === null ? UNKNOWN : shownMs(ms));
const bar = (share) => ({ text: shownShare(share), share });

function heap(used, limit) {
  const share = limit === 0 ? 0 : used / limit;
  return { text: `${shownBytes(used)} · ${shownShare(share)}`, share };
}

/** Since when each loop has the generation that it has, by id; only of those that were seen to get it. */
const replacedMs = new Map();
let generations = new Map();
let startedAt;

function stateOf({ id, state, isStale, heartbeatAgeMs, lastActivity }) {
  if (isStale)
    return {
      text: 'does not turn',
      note: `for ${shownTime(heartbeatAgeMs)}, last: ${lastActivity}`,
    };
  const ageMs = performance.now() - (replacedMs.get(id) ?? Number.NEGATIVE_INFINITY);
  return { text: ageMs < NEW_MS ? `${state}, replaced ${shownTime(ageMs)} ago` : state };
}

export function showLoops(status, rates) {
  const { loops, log } = status;
  noticeReplaced(status);
  const table = byId('loops').querySelector('table');
  const [body] = table.tBodies;
  if (table.tHead.rows.length === 0) {
    table.setAttribute('role', 'table');
    for (const group of [table.tHead, body, table.tFoot]) group.setAttribute('role', 'rowgroup');
    table.tHead.append(row(COLUMNS.map(({ label }) => cell('th', 'columnheader', label))));
    table.tFoot.append(bodyRow());
  }
  resize(body, loops.length, bodyRow);
  for (const [index, loop] of loops.entries()) {
    const tr = body.rows[index];
    tr.dataset.state = loop.isStale ? 'stale' : loop.state;
    for (const [at, column] of COLUMNS.entries()) fill(tr.cells[at], column.of(loop, rates[index], log));
  }
  for (const [at, column] of COLUMNS.entries())
    fill(table.tFoot.rows[0].cells[at], column.ofAll({ loops, rates, log }));
}

function noticeReplaced(status) {
  if (status.startedAt !== startedAt) {
    startedAt = status.startedAt;
    generations = new Map();
    replacedMs.clear();
  }
  for (const { id, generation } of status.loops) {
    if (generation > (generations.get(id) ?? generation)) replacedMs.set(id, performance.now());
    generations.set(id, generation);
  }
}

// ── on the page ──
// Roles are given in words, because rows that are laid out as cards may lose those that they have by nature.

function row(cells) {
  const tr = make('tr', ...cells);
  tr.setAttribute('role', 'row');
  return tr;
}

function cell(tag, role, ...content) {
  const element = make(tag, ...content);
  element.setAttribute('role', role);
  if (tag === 'th') element.scope = role === 'rowheader' ? 'row' : 'col';
  return element;
}

function bodyRow() {
  const parts = () => {
    const bar = make('span', make('span'));
    bar.className = 'bar';
    const note = make('small');
    return [make('span'), note, bar];
  };
  const cells = COLUMNS.map(({ label }, at) => {
    const element = at === 0 ? cell('th', 'rowheader', ...parts()) : cell('td', 'cell', ...parts());
    element.dataset.label = label;
    return element;
  });
  return row(cells);
}

function fill({ children: [text, note, bar] }, figure) {
  write(text, figure.text);
  write(note, figure.note ?? '');
  bar.hidden = figure.share === undefined;
  if (bar.hidden) return;
  const share = Math.min(1, Math.max(0, figure.share));
  bar.classList.toggle('much', share >= MUCH);
  bar.firstElementChild.style.width = `${(100 * share).toFixed(1)}%`;
}
