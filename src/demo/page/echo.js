/** Text that goes to the server and comes back, with its round-trip time. */
import { byId, make } from './write.js';

const ROWS = 8;

/** Texts that were sent and have not come back; they come back in order. */
const unanswered = [];

export function startEcho(trySend) {
  byId('echo').addEventListener('submit', (event) => {
    event.preventDefault();
    const text = byId('text').value;
    if (!text.trim() || !trySend({ type: 'echo', text })) return;
    unanswered.push({ text, sentMs: performance.now() });
    event.target.reset();
  });
}

export function showEcho({ text }) {
  const sent = unanswered.shift();
  addRow(text, sent ? `${(performance.now() - sent.sentMs).toFixed(1)} ms` : '');
}

/** The connection is lost: what is under way does not come back. */
export function giveUpEchoes() {
  for (const { text } of unanswered.splice(0)) addRow(text, 'no answer');
}

function addRow(text, note) {
  const said = make('span', text);
  said.dir = 'auto';
  byId('echoes').prepend(make('li', said, ' ', make('small', note)));
  if (byId('echoes').children.length > ROWS) byId('echoes').lastElementChild.remove();
}
