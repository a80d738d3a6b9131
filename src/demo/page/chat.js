/** The room that this tab is in: messages in the room's order, and who is here on which loop. */
import { amount, byId, make, write } from './write.js';

const MAX_ROWS = 200;
/** A box that is scrolled to within so many pixels of its end follows what is added there. */
const NEAR_END_PX = 24;

const MAX_ROOM = 100;
const MAX_NAME = 30;
const GUEST = `Guest ${100 + Math.floor(Math.random() * 900)}`;

let room;
let name;

/** How far this tab has read: where it comes back to after a loss. Undefined before the first welcome in a room. */
let position;
/** Messages that were missed and are still to come. */
let missed = 0;
/** This connection's id, as author of messages; and those of the connections before. */
let ownId;
const ownIds = new Set();
/** Own texts that were sent and have not come back in the room's order. */
let unconfirmed = [];
/** The same of connections before: what is left when all that was missed has come was most likely not published. */
let doubtful = [];
let here = '';

/** Where to connect. */
export function chatPath() {
  return `/live/${encodeURIComponent(room)}?${new URLSearchParams({ name, ...position })}`;
}

export function startChat(trySend, reconnect) {
  byId('say').addEventListener('submit', (event) => {
    event.preventDefault();
    const text = byId('message').value;
    if (!text.trim() || !trySend({ type: 'message', text })) return;
    unconfirmed.push(text);
    event.target.reset();
  });

  byId('join').addEventListener('submit', (event) => {
    event.preventDefault();
    enter(byId('room').value, byId('name').value);
    reconnect();
  });

  const query = new URLSearchParams(location.search);
  enter(query.get('room') ?? '', query.get('name') ?? '');
}

function enter(newRoom, newName) {
  const before = room;
  // No URL has a segment of one or two dots.
  room = cut(newRoom, MAX_ROOM).replace(/^\.{0,2}$/, 'lobby');
  name = cut(newName, MAX_NAME) || GUEST;
  byId('room').value = room;
  byId('name').value = name;
  history.replaceState(null, '', `?${new URLSearchParams({ room, name })}`);
  byId('second-tab').href = `?${new URLSearchParams({ room })}`;
  if (room === before) return;
  position = undefined;
  unconfirmed = [];
  doubtful = [];
  byId('messages').replaceChildren();
  byId('members').replaceChildren();
  here = '';
  write(byId('here'), here);
}

/** Characters as Unicode counts them: none is cut into halves. */
const cut = (text, characters) => [...text.trim()].slice(0, characters).join('').trim();

// ── what the server says ──

export function showWelcome({ id, epoch, sequence, missed: toCome, complete }) {
  ownId = id;
  ownIds.add(id);
  position = { epoch, sequence: sequence - toCome };
  missed = toCome;
  doubtful = [...doubtful, ...unconfirmed];
  unconfirmed = [];
  if (!complete) addNote('Some messages are missing here: the server no longer holds them.');
  // What was said before is not news: it is not read out.
  byId('conversation').setAttribute('aria-busy', 'true');
  if (missed === 0) caughtUp();
}

export function showMessage({ author, name: from, loop, text, atMs }) {
  position.sequence++;
  if (ownIds.has(author)) remove(author === ownId ? unconfirmed : doubtful, text);
  addMessage({ author, from, loop, text, atMs });
  if (missed > 0 && --missed === 0) caughtUp();
}

export function showMembers({ loops }) {
  const rows = loops.map(({ loop, count, names }) => {
    const people = names.flatMap((each, index) => (index === 0 ? [isolated(each)] : [', ', isolated(each)]));
    if (count > names.length) people.push(` and ${count - names.length} more`);
    return make('li', badge(loop), make('span', ...people));
  });
  byId('members').replaceChildren(...rows);
  const count = loops.reduce((sum, loop) => sum + loop.count, 0);
  here = `${amount(count, 'member')} on ${amount(loops.length, 'loop')}`;
  write(byId('here'), here);
}

/** The connection is lost: the list gets old. */
export function showMembersAreOld() {
  if (here) write(byId('here'), `${here}, when last heard of`);
}

export function showError({ reason, text }) {
  remove(unconfirmed, text);
  addNote(text === undefined ? `The server says: ${reason}` : `“${text}” was ${reason}`);
}

function remove(texts, text) {
  if (texts.includes(text)) texts.splice(texts.indexOf(text), 1);
}

function caughtUp() {
  byId('conversation').setAttribute('aria-busy', 'false');
  for (const text of doubtful.splice(0)) addNote(`“${text}” may not have reached the room`);
}

// ── on the page ──

function addMessage({ author, from, loop, text, atMs }) {
  const at = new Date(atMs);
  const time = make('time', at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
  time.dateTime = at.toISOString();
  const said = make('p', text);
  said.dir = 'auto';
  const row = make('li', make('p', make('b', isolated(from)), ' ', badge(loop), ' ', time), said);
  if (ownIds.has(author)) row.dataset.own = '';
  addRow(row);
}

function addNote(text) {
  const row = make('li', text);
  row.className = 'quiet';
  addRow(row);
}

function addRow(row) {
  const box = byId('conversation');
  const isAtEnd = box.scrollHeight - box.clientHeight - box.scrollTop < NEAR_END_PX;
  byId('messages').append(row);
  if (byId('messages').children.length > MAX_ROWS) byId('messages').firstElementChild.remove();
  if (isAtEnd) box.scrollTop = box.scrollHeight;
}

function badge(loop) {
  const element = make('span', `loop ${loop}`);
  element.className = 'badge';
  return element;
}

/** Text of unknown direction, which must not turn the words around it. */
const isolated = (text) => make('bdi', text);
