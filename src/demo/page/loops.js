/** All loops side by side, as the server tells of them twice a second. */
import { amount, byId, write } from './write.js';

/** More loops than this get small tiles. */
const DENSE_LOOPS = 16;

const tiles = byId('loops');
let servedBy;
let summary = '';

export function showServedBy(loop) {
  servedBy = loop;
  write(byId('served-by'), `Loop ${loop}`);
}

export function showLoops({ loops }) {
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

/** The connection is lost: what is shown gets old. */
export function showLoopsAreOld() {
  if (summary) write(byId('summary'), `${summary}, when last heard of`);
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
