import type { LoopContext } from '../app.ts';
import type { WebSocket } from '../websocket.ts';
import type { MembersFrame } from './chat-frames.ts';

/** How often a loop renews its entries, and tells its clients of changes on all loops. */
const RENEW_MS = 500;
/** Life of an entry that is not renewed. */
const ENTRY_MS = 3000;
/** Names that an entry has at most. */
const MAX_NAMES = 20;

/** The members of one room on one loop. */
interface Entry {
  readonly count: number;
  /** The first of them. */
  readonly names: readonly string[];
}

/** A room that has members on this loop. */
interface Room {
  readonly names: Map<WebSocket, string>;
  /** The frame that they have been sent last. */
  shown: string;
}

/**
 * Who is in which room, on all loops. For every room each loop has one entry in a shared map, which it alone writes. Entries live
 * for a short time and are renewed: so the members of a loop that ended without a goodbye disappear with it.
 */
export function keepMembers(loop: LoopContext): {
  join(ws: WebSocket, channel: string, name: string): void;
  leave(ws: WebSocket, channel: string): void;
} {
  const entries = loop.shared.map<Entry>('members of rooms');
  const rooms = new Map<string, Room>();
  const loopIds = loop.loops().map(({ id }) => id);
  const keyOf = (channel: string, loopId: number): string => `${loopId} ${channel}`;

  function renew(channel: string, { names }: Room): void {
    const entry = { count: names.size, names: [...names.values()].slice(0, MAX_NAMES) };
    entries.set(keyOf(channel, loop.id), entry, { ttlMs: ENTRY_MS });
  }

  function frameOf(channel: string): string {
    const loops = loopIds.flatMap((loopId) => {
      const entry = entries.get(keyOf(channel, loopId));
      return entry ? [{ loop: loopId, ...entry }] : [];
    });
    return JSON.stringify({ type: 'members', loops } satisfies MembersFrame);
  }

  /** Full memory must not cost more than the list: the room goes on without it. */
  function attempt(action: () => void): void {
    try {
      action();
    } catch (err) {
      loop.log.warn({ err }, 'members of a room are not shown');
    }
  }

  function renewAll(): void {
    for (const [channel, room] of rooms) {
      renew(channel, room);
      const frame = frameOf(channel);
      if (frame === room.shown) continue;
      room.shown = frame;
      for (const ws of room.names.keys()) ws.send(frame);
    }
  }
  setInterval(() => attempt(renewAll), RENEW_MS).unref();

  return {
    join(ws, channel, name) {
      const room = rooms.get(channel) ?? { names: new Map(), shown: '' };
      room.names.set(ws, name);
      rooms.set(channel, room);
      attempt(() => {
        renew(channel, room);
        ws.send(frameOf(channel));
      });
    },

    leave(ws, channel) {
      const room = rooms.get(channel);
      room?.names.delete(ws);
      if (room === undefined || room.names.size > 0) return;
      rooms.delete(channel);
      attempt(() => entries.delete(keyOf(channel, loop.id)));
    },
  };
}
