/** What has happened: events that the server tells of, and counters of refusals and restarts that have grown. */
import { byId, make, write } from './dom.js';
import { shownClock, shownCount, shownLoops } from './figures.js';
import { momentOf } from './health.js';
import { isSameServer } from './rates.js';
import { CAUSES, countOf, REASONS } from './reasons.js';

const MAX_ENTRIES = 200;
/** What is alike within so long of the first is one entry. */
const GROUP_MS = 60_000;
const LEVELS = { info: 'event', warn: 'warning', error: 'error' };

/** One thing, or several that are alike. */
class Entry {
  #count = 0;
  #loops = new Set();
  #lastMs;

  constructor({ kind, text, atMs }) {
    this.kind = kind;
    this.text = text;
    this.atMs = atMs;
    const sign = make('span', kind);
    sign.className = 'kind';
    sign.dataset.kind = kind;
    const time = make('time', shownClock(atMs));
    time.dateTime = new Date(atMs).toISOString();
    this.row = make('li', time, sign, make('span', text), make('span'));
    this.row.lastElementChild.className = 'quiet';
  }

  /** More of the same. */
  add(count, loops, atMs) {
    this.#count += count;
    for (const loop of loops) this.#loops.add(loop);
    this.#lastMs = atMs;
    const parts = [];
    if (this.#count > 1) parts.push(`${shownCount(this.#count)} times`);
    if (this.#loops.size > 0) parts.push(shownLoops([...this.#loops]));
    const spanS = Math.round((this.#lastMs - this.atMs) / 1000);
    if (this.#count > 1 && spanS > 0) parts.push(`within ${spanS} s`);
    write(this.row.lastElementChild, parts.join(', '));
  }
}

export class Timeline {
  /** Newest first. */
  #entries = [];
  /** Number of the last event that is in here. */
  #told = 0;

  /** What is new in a status message. True when a loop was restarted. */
  add(before, status) {
    const isKnown = before !== null && isSameServer(before, status);
    if (!isKnown) this.#told = 0;
    for (const { number, at, level, loop, text } of status.events) {
      if (number <= this.#told) continue;
      this.#told = number;
      this.#tell(LEVELS[level] ?? level, text, 1, loop === null ? [] : [loop], Date.parse(at));
    }
    return isKnown && this.#compare(before, status);
  }

  /** Something that this page knows by itself. */
  note(status, text) {
    // By the server's clock, as everything here, whatever the clock of this machine says.
    this.#tell('page', text, 1, [], Math.max(momentOf(status), this.#entries[0]?.atMs ?? 0));
  }

  #compare(before, status) {
    const atMs = momentOf(status);
    for (const { counter, kind, text } of REASONS) {
      const grown = countOf(status, counter) - countOf(before, counter);
      if (grown <= 0) continue;
      const loops = status.loops.filter(
        ({ id, counters }) =>
          counters[counter] > (before.loops.find((loop) => loop.id === id)?.counters[counter] ?? 0),
      );
      this.#tell(
        kind,
        text,
        grown,
        loops.map(({ id }) => id),
        atMs,
      );
    }
    let isRestarted = false;
    for (const [cause, text] of Object.entries(CAUSES)) {
      const grown = status.restarts[cause] - before.restarts[cause];
      if (grown <= 0) continue;
      isRestarted = true;
      this.#tell('restart', `Loop restarted: ${text}`, grown, [], atMs);
    }
    return isRestarted;
  }

  #tell(kind, text, count, loops, atMs) {
    const alike = this.#entries.find((entry) => entry.kind === kind && entry.text === text);
    if (alike !== undefined && atMs - alike.atMs < GROUP_MS) {
      alike.add(count, loops, atMs);
      return;
    }
    const entry = new Entry({ kind, text, atMs });
    entry.add(count, loops, atMs);
    this.#entries.unshift(entry);
    byId('entries').prepend(entry.row);
    byId('nothing').hidden = true;
    this.#entries.splice(MAX_ENTRIES).forEach(({ row }) => {
      row.remove();
    });
  }
}
