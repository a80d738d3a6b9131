/** One exchange with the server: what a client sends, what the RFC asks for, and what happens where the platform deviates. */
import { frame, Opcode } from '../harness/frames.ts';
import type { DeviationName } from './deviations.ts';

/**
 * What the client gets, a line for each frame and a last one: `text "hello"`, `binary 00ff`, `pong "x"`, `close 1000 "bye"`,
 * then `open` when a ping is still answered, `end` when the server has ended the TCP connection.
 */
export type Outcome = readonly string[];

export interface Case {
  /** Section of RFC 6455. */
  readonly section: string;
  /** The condition; it completes "when". */
  readonly name: string;
  /** One TCP segment each. */
  readonly send: readonly Uint8Array[];
  readonly asked: Outcome;
  /** What `onClose` gives, where the connection ends: `1000 "bye"`. */
  readonly onClose?: string;
  /** In place of what is asked. */
  readonly instead?: { readonly deviation: DeviationName; readonly outcome: Outcome };
}

type Bytes = Uint8Array | readonly Uint8Array[];

const segments = (bytes: Bytes): readonly Uint8Array[] => (bytes instanceof Uint8Array ? [bytes] : bytes);

/** The connection stays, and these frames come. */
export function stays(section: string, name: string, send: Bytes, ...frames: string[]): Case {
  return { section, name, send: segments(send), asked: [...frames, 'open'] };
}

/** The close handshake is completed with this code and reason. */
export function closes(section: string, name: string, send: Bytes, close: string, ...before: string[]): Case {
  const asked = [...before, `close ${close}`.trimEnd(), 'end'];
  return { section, name, send: segments(send), asked, onClose: close || '1005' };
}

/** How uWebSockets.js words why it drops a connection. */
export const Cause = {
  frame: 'Received invalid WebSocket frame',
  close: 'Received invalid close payload',
  tooBig: 'Received too big message',
  utf8: 'Received invalid UTF-8',
  inflation: 'Received too big message, or other inflation error',
} as const;

/** Goes ahead of what breaks the protocol, and must have been answered. */
const FIRST = 'first';
const FIRST_ECHO = `text "${FIRST}"`;

/** These bytes break the protocol: the client is told so with this code, and the connection ends. */
export function fails(
  section: string,
  name: string,
  send: Bytes,
  code: 1002 | 1007 | 1009,
  cause: string,
): Case {
  return {
    section,
    name,
    send: [frame(Opcode.text, FIRST), ...segments(send)],
    asked: [FIRST_ECHO, `close ${code}`, 'end'],
    instead: { deviation: 'no close frame', outcome: [FIRST_ECHO, 'end'] },
    onClose: `1006 "${cause}"`,
  };
}

/** The same bytes, but these frames come in place of what is asked, and `onClose` gives this if the connection ends. */
export function but(original: Case, deviation: DeviationName, outcome: Outcome, onClose?: string): Case {
  const { onClose: _, ...rest } = original;
  const before = original.asked.includes(FIRST_ECHO) ? [FIRST_ECHO] : [];
  const instead = { deviation, outcome: [...before, ...outcome] };
  return { ...rest, instead, ...(onClose === undefined ? {} : { onClose }) };
}

/** What must come to pass. */
export const expected = ({ asked, instead }: Case): Outcome => instead?.outcome ?? asked;
