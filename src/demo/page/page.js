/** The demo page: one connection, kept alive, to the room that this tab is in. */
import {
  chatPath,
  showError,
  showMembers,
  showMembersAreOld,
  showMessage,
  showWelcome,
  startChat,
} from './chat.js';
import { giveUpEchoes, showEcho, startEcho } from './echo.js';
import './extras.js';
import { LastingConnection } from './lasting-connection.js';
import { showLoops, showLoopsAreOld, showServedBy } from './loops.js';
import { byId, write } from './write.js';

const connection = new LastingConnection({ path: chatPath, onFrame: show, onState: showState });
const trySend = (frame) => connection.trySend(frame);

const shows = {
  welcome: showWelcomed,
  message: showMessage,
  members: showMembers,
  error: showError,
  echo: showEcho,
  status: showLoops,
};

function show(frame) {
  shows[frame.type]?.(frame);
}

function showWelcomed(frame) {
  showServedBy(frame.loop);
  showState('open', `Connected to loop ${frame.loop}`);
  document.title = `Loop ${frame.loop} · Polyloop`;
  showWelcome(frame);
}

function showState(state, text) {
  document.body.dataset.state = state;
  write(byId('state'), text);
  for (const button of document.querySelectorAll('.sender')) {
    button.setAttribute('aria-disabled', String(state !== 'open'));
  }
  if (state === 'open') return;
  document.title = 'Polyloop';
  giveUpEchoes();
  showLoopsAreOld();
  showMembersAreOld();
}

startEcho(trySend);
startChat(trySend, () => connection.open());
connection.open();
