/**
 * A chat client that neither loses nor repeats a message when it is cut off, and says when something is gone.
 *
 * Run: npx tsx examples/resumable-chat-client/client.ts ws://localhost:3000/rooms/lobby ada
 * Try: two of them against app.js; write lines, and meanwhile reload the server (SIGHUP), or stop and start it
 *
 * Structure: `connectForever` comes back by itself. On each connection the client first says how far it has read (`position`), and the
 * server sends what came after that (`after`); it answers `complete: false` when it does not hold all of it any more. What the client
 * says is kept until it comes back from the server. What has not come back, once all that was missed is there, is said again. That
 * may be twice on the server, so each message has its author and a number, and whoever has seen a number does not show it again.
 * So the queue of `connectForever` is not needed here.
 */
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { type ChannelPosition, connectForever, type WebSocket } from 'polyloop';

interface Said {
  readonly author: string;
  readonly number: number;
  readonly name: string;
  readonly text: string;
}

interface Joined extends ChannelPosition {
  /** Messages that are sent first, of those up to `sequence`. */
  readonly missed: number;
  readonly complete: boolean;
}

const [url = 'ws://localhost:3000/rooms/lobby', name = 'somebody'] = process.argv.slice(2);
/** This run of the program: its numbers begin at 1. */
const author = randomUUID();

let position: ChannelPosition | undefined;
/** Messages that come before we know what the server has of ours. */
let missing = Number.POSITIVE_INFINITY;
let lastNumber = 0;
let isLeaving = false;
/** Own messages that have not come back, by number. */
const unconfirmed = new Map<number, Said>();
/** Highest number seen, by author. */
const seen = new Map<string, number>();

const ws = connectForever(url, { backoff: { firstMs: 200, maxMs: 5000 }, maxQueueBytes: 0 });
ws.onConnect(join);
ws.onReconnect(join);
ws.onText((_, text) => {
  const frame = JSON.parse(text) as { joined: Joined } | { said: Said };
  if ('joined' in frame) joined(frame.joined);
  else heard(frame.said);
});
void ws.onClose.then(({ code, reason }) => console.log(`* the end: ${code} ${reason}`));

const lines = createInterface({ input: process.stdin });
lines.on('line', (text) => say({ author, number: ++lastNumber, name, text }));
lines.on('close', () => {
  isLeaving = true;
  leaveWhenDone();
});

function join(ws: WebSocket): void {
  missing = Number.POSITIVE_INFINITY;
  ws.send(JSON.stringify({ do: 'join', after: position ?? null }));
}

function joined({ epoch, sequence, missed, complete }: Joined): void {
  if (position === undefined) console.log('* here');
  else console.log(complete ? '* back' : '* back, and messages may be gone');
  position = { epoch, sequence: sequence - missed };
  missing = missed;
  sayAgainWhenUpToDate();
}

function heard(said: Said): void {
  if (position) position = { ...position, sequence: position.sequence + 1 };
  if (said.number > (seen.get(said.author) ?? 0)) {
    seen.set(said.author, said.number);
    console.log(`${said.name}: ${said.text}`);
  }
  if (said.author === author) unconfirmed.delete(said.number);
  leaveWhenDone();
  if (missing === 0) return;
  missing--;
  sayAgainWhenUpToDate();
}

function say(said: Said): void {
  unconfirmed.set(said.number, said);
  if (missing === 0) send(said);
}

function sayAgainWhenUpToDate(): void {
  if (missing === 0) for (const said of unconfirmed.values()) send(said);
}

/** Does nothing while there is no connection: what is not confirmed is said again. */
function send(said: Said): void {
  ws.send(JSON.stringify({ do: 'say', said }));
}

function leaveWhenDone(): void {
  if (isLeaving && unconfirmed.size === 0) ws.close();
}
