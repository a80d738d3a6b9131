/** As many more connections as the visitor asks for, to `/echo`. */
import { openSocket } from './lasting-connection.js';
import { byId, write } from './write.js';

const EXTRA_BATCH = 16;
/** Browsers allow about 200 WebSockets to one host. */
const EXTRA_MAX = 192;

const extras = new Set();

/** Opens one after the other: browsers hold back the many that are tried at once. */
function openExtras(count) {
  if (count > 0 && extras.size < EXTRA_MAX) {
    const socket = openSocket('/echo');
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

function closeExtras() {
  for (const socket of extras) socket.close(1000);
  extras.clear();
  showExtras();
}

function showExtras() {
  const isOpening = [...extras].some((socket) => socket.readyState === WebSocket.CONNECTING);
  const openText = extras.size === 0 ? '' : `${extras.size} more are open`;
  write(byId('extras'), isOpening ? 'Opening…' : openText);
  byId('open-extras').setAttribute('aria-disabled', String(extras.size >= EXTRA_MAX));
  byId('close-extras').setAttribute('aria-disabled', String(extras.size === 0));
}

byId('open-extras').addEventListener('click', () => openExtras(EXTRA_BATCH));
byId('close-extras').addEventListener('click', closeExtras);
