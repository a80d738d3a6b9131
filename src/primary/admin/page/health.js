/** The line that says whether all is well. It is the one place that a screen reader reads out by itself. */
import { byId, write } from './dom.js';
import { shownClock, shownTime } from './figures.js';

const WORDS = {
  starting: 'Starting',
  ready: 'Ready',
  degraded: 'Degraded',
  unready: 'Unready',
  draining: 'Draining',
  lost: 'Connection to the server lost',
};

export function showHealth({ state, detail, loops, version, nodeVersion, pid, uptimeMs }) {
  const wellText = loops.length === 1 ? 'the one loop serves' : `all ${loops.length} loops serve`;
  tell(state, detail ?? wellText);
  write(byId('identity'), `version ${version}, Node ${nodeVersion}, pid ${pid}, up ${shownTime(uptimeMs)}`);
}

/** `latest` is the last status message; null when there was none. */
export function showLost(latest) {
  tell(
    'lost',
    latest === null ? 'trying again' : `figures are of ${shownClock(momentOf(latest))}; trying again`,
  );
}

/** When a status message was made, by the server's clock, in ms since 1970. */
export const momentOf = ({ startedAt, uptimeMs }) => Date.parse(startedAt) + uptimeMs;

function tell(state, detail) {
  const word = WORDS[state] ?? state;
  document.body.dataset.state = state;
  document.title = `${word} · Polyloop`;
  write(byId('state'), word);
  write(byId('detail'), detail);
}
