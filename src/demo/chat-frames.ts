/** What the server and the clients of a room say to each other: JSON objects in text frames, told apart by `type`. */

/** Longest names and texts, in characters as Unicode counts them. */
export const MAX_ROOM = 100;
export const MAX_NAME = 30;
export const MAX_TEXT = 500;

export type ClientFrame = SayFrame | EchoFrame;
export type ServerFrame = WelcomeFrame | MessageFrame | MembersFrame | EchoFrame | ErrorFrame;

/** From a client: to everyone in the room. */
export interface SayFrame {
  readonly type: 'message';
  readonly text: string;
}

/** Comes back to its client alone: to measure the way, or to find out whether the connection is alive. */
export interface EchoFrame {
  readonly type: 'echo';
  readonly text: string;
}

/** Comes first. */
export interface WelcomeFrame {
  readonly type: 'welcome';
  /** The connection's, and the author of its messages. */
  readonly id: string;
  readonly name: string;
  readonly room: string;
  /** Where the connection is. */
  readonly loop: number;
  /**
   * Where the room stands. The next `missed` messages are those up to `sequence`, the others follow as they come: so a client
   * that counts them knows the position to come back with, `?epoch=…&sequence=…`.
   */
  readonly epoch: string;
  readonly sequence: number;
  readonly missed: number;
  /** False when the client came back with a position, and not all that was said since can be given. */
  readonly complete: boolean;
}

/** Sent to everyone in the room, its author included. */
export interface MessageFrame {
  readonly type: 'message';
  readonly author: string;
  readonly name: string;
  /** Where the author is. */
  readonly loop: number;
  readonly text: string;
  /** When it was published, in milliseconds since 1970. */
  readonly atMs: number;
}

/** Who is in the room; sent on joining and when it has changed. */
export interface MembersFrame {
  readonly type: 'members';
  /** Loops with members, in order of their ids. `names` has the first of them, `count` says how many there are. */
  readonly loops: readonly {
    readonly loop: number;
    readonly count: number;
    readonly names: readonly string[];
  }[];
}

/** A frame was not understood, or not accepted. */
export interface ErrorFrame {
  readonly type: 'error';
  readonly reason: string;
  /** The message that was not published. */
  readonly text?: string;
}

export function isLongerThan(text: string, characters: number): boolean {
  // A character is one or two units of the string.
  return text.length > 2 * characters || (text.length > characters && [...text].length > characters);
}

/** Reads what a client said; an error frame is the answer to what is no frame. */
export function readFrame(data: string): ClientFrame | ErrorFrame {
  let frame: unknown;
  try {
    frame = JSON.parse(data);
  } catch {
    return { type: 'error', reason: 'not JSON; say {"type":"message","text":"hello"}' };
  }
  const { type, text } = Object(frame) as { type?: unknown; text?: unknown };
  if (type !== 'message' && type !== 'echo') {
    return { type: 'error', reason: 'type must be "message" or "echo"' };
  }
  if (typeof text !== 'string' || text.trim() === '' || isLongerThan(text, MAX_TEXT)) {
    return { type: 'error', reason: `text must be a string of 1 to ${MAX_TEXT} characters, and not blank` };
  }
  return { type, text };
}
