/** `/chat/:room`: a room is a channel, and so the same room on every loop. */
import { createHash } from 'node:crypto';
import type { LoopContext, Upgrader } from '../app.ts';
import { CloseCode } from '../websocket.ts';
import { isLongerThan, MAX_NAME, MAX_ROOM, readFrame, type ServerFrame } from './chat-frames.ts';
import { keepMembers } from './members.ts';

/** Messages that a newcomer is sent, and most of those that one who comes back is. */
const RECENT = 50;
const MISSED = 1000;
const MAX_CHANNEL_BYTES = 255;
const DEFAULT_NAME = 'Guest';

/** Before the first message of any room: what the log holds comes behind it. */
const START = { epoch: '', sequence: 0 };

/** Clients join with `?name=…`, and come back with `&epoch=…&sequence=…` to get what they missed. */
export function chatRooms(loop: LoopContext): Upgrader<unknown, '/:room'> {
  const members = keepMembers(loop);
  return {
    shouldUpgrade({ params, query }) {
      const body = refusalOf(params.room, nameIn(query));
      return body === undefined ? {} : { status: 400, body };
    },

    async onUpgrade(ws, { params, query }) {
      const say = (frame: ServerFrame): void => void ws.send(JSON.stringify(frame));
      const room = params.room.normalize();
      const name = nameIn(query);
      const channel = channelOf(room);
      const returned = positionIn(query);
      const joined = ws.subscribe(channel, { after: returned ?? START, limit: returned ? MISSED : RECENT });
      if (!joined.ok) {
        say({ type: 'error', reason: joined.reason });
        ws.close(CloseCode.tryAgainLater, joined.reason);
        return;
      }
      const standing = joined.settled ? await joined.settled : joined;
      const { epoch, sequence, missed } = standing;
      const complete = returned === undefined || standing.complete;
      say({ type: 'welcome', id: ws.id, name, room, loop: loop.id, epoch, sequence, missed, complete });
      members.join(ws, channel, name);
      ws.onClose.then(() => members.leave(ws, channel));

      ws.onText((_, data) => {
        const frame = readFrame(data);
        if (frame.type !== 'message') {
          say(frame);
          return;
        }
        const { type, text } = frame;
        const message = { type, author: ws.id, name, loop: loop.id, text, atMs: Date.now() } as const;
        // To everyone, this connection too: so its author sees it where all others do in the order of the room.
        const published = loop.publish(channel, JSON.stringify(message satisfies ServerFrame));
        if (!published.ok) say({ type: 'error', reason: `not published: ${published.reason}`, text });
      });
      ws.onBinary(() => say({ type: 'error', reason: 'frames are text' }));
    },
  };
}

const nameIn = (query: URLSearchParams): string => query.get('name')?.trim() ?? DEFAULT_NAME;

/** What the client says, unchecked: to `subscribe`, a position that means nothing is one that is not known any more. */
function positionIn(query: URLSearchParams): { epoch: string; sequence: number } | undefined {
  const epoch = query.get('epoch');
  return epoch === null ? undefined : { epoch, sequence: Number(query.get('sequence')) };
}

function refusalOf(room: string, name: string): string | undefined {
  if (isLongerThan(room, MAX_ROOM)) return `the name of a room has 1 to ${MAX_ROOM} characters`;
  if (name === '' || isLongerThan(name, MAX_NAME)) return `a name has 1 to ${MAX_NAME} characters`;
  return undefined;
}

/** 100 characters may be 400 bytes, more than a channel's name can have: a long one is replaced by its hash. */
function channelOf(room: string): string {
  const channel = `room:${room}`;
  if (Buffer.byteLength(channel) <= MAX_CHANNEL_BYTES) return channel;
  return `room#${createHash('sha256').update(room).digest('base64url')}`;
}
