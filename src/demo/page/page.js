/** The demo page: one connection to `/live`, kept alive, and as many to `/echo` as the visitor asks for. */

/** Delays between attempts double from the first to the last; each is cut by up to half at random. */
const FIRST_RETRY_MS = 300;
const LAST_RETRY_MS = 10_000;
/** RFC 6455 section 7.4.1: the server stops, or its loop is replaced. Coming back at once would only be in the way. */
const GOING_AWAY = 1001;
const GOING_AWAY_RETRY_MS = 3000;
/** The server speaks every half second; a connection that is silent for so long is dead. */
const SILENCE_MS = 8000;
/** A connection that lasted so long was a good one: the delays start over. */
const STABLE_MS = 5000;
const EXTRA_BATCH = 16;
/** Browsers allow about 200 WebSockets to one host. */
const EXTRA_MAX = 192;
const LOG_ROWS = 8;
/** More loops than this get small tiles. */
const DENSE_LOOPS = 16;

const byId = (id) => document.getElementById(id);

/** `1 message`, `1,234 messages`. */
function amount(count, noun) {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** What does not change is not written, so that a screen reader hears only news. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function open(path) {
  return new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`);
}

// ── the connection of this tab ──

let live;
let servedBy;
let summary = '';
let failures = 0;
let retryTimer;
/** Texts that were sent and have not come back; they come back in order. */
const unanswered = [];

function connect() {
  clearTimeout(retryTimer);
  const socket = open('/live');
  const startMs = performance.now();
  let isHeard = false;
  let silenceTimer = setTimeout(lost, SILENCE_MS);
  live = socket;
  showState('connecting', 'Connecting…');

  socket.onmessage = ({ data }) => {
    if (live !== socket) return;
    clearTimeout(silenceTimer);
    silenceTimer = setTimeout(lost, SILENCE_MS);
    isHeard = true;
    const message = JSON.parse(data);
    if ('echo' in message) showEcho(message.echo);
    else showStatus(message);
  };
  socket.onclose = ({ code }) => lost(code);

  function lost(code) {
    if (live !== socket) return;
    live = undefined;
    clearTimeout(silenceTimer);
    socket.close();
    for (const { text } of unanswered.splice(0)) logEcho(text, 'no answer');
    if (isHeard && performance.now() - startMs > STABLE_MS) failures = 0;
    const delayMs = retryDelayMs(code, failures++);
    retryTimer = setTimeout(connect, delayMs);
    const what = code === GOING_AWAY ? 'The loop is closing' : isHeard ? 'Connection lost' : 'No answer';
    showState('waiting', `${what}; next try in ${Math.ceil(delayMs / 1000)} s`);
  }
}

function retryDelayMs(code, attempt) {
  const doubledMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
  const wholeMs = code === GOING_AWAY ? Math.max(GOING_AWAY_RETRY_MS, doubledMs) : doubledMs;
  return wholeMs * (1 - Math.random() / 2);
}

function showState(state, text) {
  document.body.dataset.state = state;
  write(byId('state'), text);
  byId('send').setAttribute('aria-disabled', String(state !== 'open'));
  if (state === 'open') return;
  document.title = 'Polyloop';
  if (summary) write(byId('summary'), `${summary}, when last heard of`);
}

function showStatus(status) {
  servedBy = status.servedBy;
  showState('open', `Connected to loop ${servedBy}`);
  write(byId('served-by'), `Loop ${servedBy}`);
  document.title = `Loop ${servedBy} · Polyloop`;
  showLoops(status.loops);
}

// ── all loops ──

const tiles = byId('loops');

function showLoops(loops) {
  while (tiles.children.length > loops.length) tiles.lastElementChild.remove();
  while (tiles.children.length < loops.length) tiles.append(byId('tile').content.cloneNode(true));
  tiles.classList.toggle('dense', loops.length > DENSE_LOOPS);

  const largest = Math.max(1, ...loops.map((loop) => loop.connections));
  for (const [index, loop] of loops.entries()) showLoop(tiles.children[index], loop, largest);

  const total = (key) => loops.reduce((sum, loop) => sum + loop[key], 0);
  const counts = [amount(total('connections'), 'connection'), amount(total('messages'), 'message')];
  summary = `${counts.join(' and ')} on ${amount(loops.length, 'loop')}`;
  write(byId('summary'), summary);
}

function showLoop(tile, { id, state, generation, connections, messages }, largest) {
  const part = (selector) => tile.querySelector(selector);
  const [count, noun] = amount(connections, 'connection').split(' ');
  tile.dataset.state = state;
  if (id === servedBy) tile.setAttribute('aria-current', 'true');
  else tile.removeAttribute('aria-current');
  write(part('h3'), `Loop ${id}`);
  write(part('.loop-state'), generation > 1 ? `${state}, generation ${generation}` : state);
  write(part('.connections b'), count);
  write(part('.connections span'), noun);
  write(part('.messages'), amount(messages, 'message'));
  part('.bar div').style.width = `${(100 * connections) / largest}%`;
}

// ── echo ──

byId('echo').addEventListener('submit', (event) => {
  event.preventDefault();
  if (document.body.dataset.state !== 'open' || live?.readyState !== WebSocket.OPEN) return;
  const text = byId('text').value;
  live.send(text);
  unanswered.push({ text, sentMs: performance.now() });
  event.target.reset();
});

function showEcho(text) {
  const sent = unanswered.shift();
  logEcho(text, sent ? `${(performance.now() - sent.sentMs).toFixed(1)} ms` : '');
}

function logEcho(text, note) {
  const row = document.createElement('li');
  const said = document.createElement('span');
  const measured = document.createElement('small');
  said.dir = 'auto';
  said.textContent = text;
  measured.textContent = note;
  row.append(said, ' ', measured);
  byId('log').prepend(row);
  if (byId('log').children.length > LOG_ROWS) byId('log').lastElementChild.remove();
}

// ── more connections ──

const extras = new Set();

/** Opens one after the other: browsers hold back the many that are tried at once. */
function openExtras(count) {
  if (count > 0 && extras.size < EXTRA_MAX) {
    const socket = open('/echo');
    extras.add(socket);
    socket.onopen = () => {
      socket.send('hello');
      openExtras(count - 1);
    };
    socket.onclose = () => {
      extras.delete(socket);
      showExtras();
    };
  }
  showExtras();
}

byId('open-extras').addEventListener('click', () => openExtras(EXTRA_BATCH));

byId('close-extras').addEventListener('click', () => {
  for (const socket of extras) socket.close(1000);
  extras.clear();
  showExtras();
});

function showExtras() {
  const isOpening = [...extras].some((socket) => socket.readyState === WebSocket.CONNECTING);
  const openText = extras.size === 0 ? '' : `${extras.size} more are open`;
  write(byId('extras'), isOpening ? 'Opening…' : openText);
  byId('open-extras').setAttribute('aria-disabled', String(extras.size >= EXTRA_MAX));
  byId('close-extras').setAttribute('aria-disabled', String(extras.size === 0));
}

connect();
