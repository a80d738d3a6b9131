/** Totals of all loops over the last minutes: what there is to plot, and what was. */
import { byId } from './dom.js';
import { shownCount, shownMs, shownRate, shownShare } from './figures.js';
import { Plot, SPAN_S } from './plot.js';

/** `least`: what the scale goes up to at least. */
const PLOTS = [
  { title: 'Connections', lines: [{ key: 'connections', show: shownCount }], least: 10 },
  {
    title: 'Messages per second',
    lines: [
      { key: 'messagesIn', name: 'in', show: shownRate },
      { key: 'messagesOut', name: 'out', show: shownRate },
    ],
    least: 10,
  },
  { title: 'Deliveries per second', lines: [{ key: 'deliveries', show: shownRate }], least: 10 },
  { title: 'Worst lag', lines: [{ key: 'lagMs', show: shownMs }], least: 20 },
  { title: 'Unread share of the log', lines: [{ key: 'unreadShare', show: shownShare }], least: 1 },
  { title: 'Refusals per second', lines: [{ key: 'refusals', show: shownRate }], least: 2 },
];

export class Totals {
  #samples = [];
  /** When loops were restarted. */
  #marks = [];
  #plots = PLOTS.map((plot) => new Plot(byId('plots'), plot));

  add(totals) {
    this.#push({ ...totals, atMs: performance.now() });
  }

  /** The server is not heard: what comes next is not joined to what was before. */
  addGap() {
    const last = this.#samples.at(-1);
    if (last === undefined) return;
    const unknown = Object.fromEntries(Object.keys(last).map((key) => [key, null]));
    this.#push({ ...unknown, atMs: performance.now() });
  }

  mark() {
    this.#marks.push(performance.now());
  }

  show() {
    const nowMs = this.#samples.at(-1)?.atMs ?? 0;
    const secondsAgo = (atMs) => (atMs - nowMs) / 1000;
    const seconds = this.#samples.map(({ atMs }) => secondsAgo(atMs));
    for (const plot of this.#plots) plot.show(seconds, this.#samples, this.#marks.map(secondsAgo));
  }

  #push(sample) {
    this.#samples.push(sample);
    const isRecent = (atMs) => sample.atMs - atMs <= SPAN_S * 1000;
    while (!isRecent(this.#samples[0].atMs)) this.#samples.shift();
    this.#marks = this.#marks.filter(isRecent);
  }
}
