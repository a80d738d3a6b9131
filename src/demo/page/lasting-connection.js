/** A connection that comes back: after a loss it opens again, later each time, and one that is silent counts as lost. */

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

export function openSocket(path) {
  return new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`);
}

export class LastingConnection {
  #path;
  #onFrame;
  #onState;
  #socket;
  #isHeard = false;
  #failures = 0;
  #retryTimer;

  /**
   * `path()` is asked before every attempt. `onFrame(frame)` gets what the server says. `onState(state, text)` hears of
   * `connecting` and `waiting`; that a connection is open is for the first frame to say.
   */
  constructor({ path, onFrame, onState }) {
    this.#path = path;
    this.#onFrame = onFrame;
    this.#onState = onState;
  }

  /** Opens, in place of a connection that is open. */
  open() {
    clearTimeout(this.#retryTimer);
    const before = this.#socket;
    const socket = openSocket(this.#path());
    const startMs = performance.now();
    const lost = (code) => this.#lost(socket, startMs, code);
    let silenceTimer = setTimeout(lost, SILENCE_MS);
    this.#socket = socket;
    this.#isHeard = false;
    before?.close();
    this.#onState('connecting', 'Connecting…');

    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket) return;
      clearTimeout(silenceTimer);
      silenceTimer = setTimeout(lost, SILENCE_MS);
      this.#isHeard = true;
      this.#onFrame(JSON.parse(data));
    };
    socket.onclose = ({ code }) => {
      clearTimeout(silenceTimer);
      lost(code);
    };
  }

  /** False when there is no open connection. */
  trySend(frame) {
    if (!this.#isHeard || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #lost(socket, startMs, code) {
    if (this.#socket !== socket) return;
    const wasHeard = this.#isHeard;
    this.#socket = undefined;
    this.#isHeard = false;
    socket.close();
    if (wasHeard && performance.now() - startMs > STABLE_MS) this.#failures = 0;
    const delayMs = retryDelayMs(code, this.#failures++);
    this.#retryTimer = setTimeout(() => this.open(), delayMs);
    const what = code === GOING_AWAY ? 'The loop is closing' : wasHeard ? 'Connection lost' : 'No answer';
    this.#onState('waiting', `${what}; next try in ${Math.ceil(delayMs / 1000)} s`);
  }
}

function retryDelayMs(code, attempt) {
  const doubledMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
  const wholeMs = code === GOING_AWAY ? Math.max(GOING_AWAY_RETRY_MS, doubledMs) : doubledMs;
  return wholeMs * (1 - Math.random() / 2);
}
