/** What is not of one loop: restarts, refusals since the start, offload, memory, the backplane. */
import { byId, make, resize, write } from './dom.js';
import { shownBytes, shownCount, shownMs, shownShare } from './figures.js';
import { CAUSES, countOf, REASONS } from './reasons.js';

const ENGINES = { nats: 'NATS', redis: 'Redis' };

export function showServer(status) {
  const { restarts, offload, log, channels, residentBytes, publishes, backplane } = status;
  list(
    byId('restarts'),
    Object.entries(CAUSES).map(([cause, text]) => [text, shownCount(restarts[cause])]),
  );

  const reasons = REASONS.map(({ counter, text }) => [text, countOf(status, counter)]).filter(
    ([, count]) => count > 0,
  );
  byId('no-reasons').hidden = reasons.length > 0;
  list(
    byId('reasons'),
    reasons.map(([text, count]) => [text, shownCount(count)]),
  );

  list(byId('offload'), [
    ['Running', `${shownCount(offload.running)} of ${offload.workers}`],
    ['Queued', shownCount(offload.queued)],
    ['Completed', shownCount(offload.completed)],
    ['Failed', shownCount(offload.failed)],
    ['Timed out', shownCount(offload.timedOut)],
    ['Aborted', shownCount(offload.aborted)],
    ['Refused, queue full', shownCount(offload.refused)],
    ['Wait, median and p99', times(offload.waitMs)],
    ['Run, median and p99', times(offload.runMs)],
  ]);

  list(byId('memory'), [
    ['Resident memory', shownBytes(residentBytes)],
    ['Log', `${shownBytes(log.bytes)}, ${shownShare(log.unreadBytes / log.bytes)} unread`],
    ['Ever written to the log', shownBytes(log.writtenBytes)],
    ['Channels', `${shownCount(channels.count)} of ${shownCount(channels.max)}`],
    ['Published by the primary', shownCount(publishes.accepted)],
  ]);

  byId('nodes').hidden = backplane === null;
  if (backplane !== null) showBackplane(backplane);
}

function showBackplane({ engine, node, state, waitingBytes, ...counts }) {
  list(byId('backplane'), [
    ['This node', node],
    ['Engine', `${ENGINES[engine]}, ${state}`],
    ['Sent', shownCount(counts.sent)],
    ['Received', shownCount(counts.received)],
    ['Missed', shownCount(counts.missed)],
    ['Dropped', shownCount(counts.dropped)],
    ['Refused', shownCount(counts.refused)],
    ['Reconnected', shownCount(counts.reconnects)],
    ['Waiting', shownBytes(waitingBytes)],
  ]);
}

const times = ({ count, p50, p99 }) => (count === 0 ? '–' : `${shownMs(p50)}, ${shownMs(p99)}`);

/** Pairs of a term and a figure in a `dl`. */
function list(dl, pairs) {
  resize(dl, pairs.length, () => make('div', make('dt'), make('dd')));
  for (const [index, [term, figure]] of pairs.entries()) {
    const [dt, dd] = dl.children[index].children;
    write(dt, term);
    write(dd, figure);
  }
}
