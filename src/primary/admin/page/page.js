/** The live page: one stream of status messages, shown in four parts and in the line that says whether all is well. */
import { listen } from './feed.js';
import { showHealth, showLost } from './health.js';
import { showLoops } from './loops.js';
import { isSameServer, ratesOf, totalsOf } from './rates.js';
import { showServer } from './server.js';
import { Timeline } from './timeline.js';
import { Totals } from './totals.js';

/** The first message of a stream comes at once, the second with everybody's: no rate can be told from less than this. */
const MIN_SPAN_MS = 500;

const timeline = new Timeline();
const totals = new Totals();
/** The last status message, and the one before it that rates compare with. */
let latest = null;
let isLost = false;

function hear(status) {
  const before = latest;
  const isRestarted = before !== null && !isSameServer(before, status);
  const isTooSoon = before !== null && !isRestarted && status.uptimeMs - before.uptimeMs < MIN_SPAN_MS;
  if (isTooSoon) return;
  const rates = ratesOf(before, status);
  if (isLost) timeline.note(status, isRestarted ? 'the server is another process' : 'connection is back');
  totals.add(totalsOf(before, status, rates));
  if (timeline.add(before, status)) totals.mark();
  latest = status;
  isLost = false;
  showHealth(status);
  if (document.hidden) return;
  showLoops(status, rates);
  showServer(status);
  totals.show();
}

function lose() {
  if (!isLost) totals.addGap();
  if (!isLost && latest !== null) timeline.note(latest, 'connection to the server lost');
  isLost = true;
  showLost(latest);
}

listen({ onStatus: hear, onLost: lose });
