/** What a message looks like on the wire, and what a handshake is: WebSocket itself, or Socket.IO's protocol over it. */
import { BINARY, clientFrame, FrameReader, TEXT } from './frames.ts';

export type DialectName = 'plain' | 'socket.io';

export interface Dialect {
  readonly opcode: number;
  /** What surrounds each message. */
  readonly before: string;
  readonly after: string;
  /** The request's target for a path of the load's servers. */
  target(path: string): string;
  /** What the client says after the 101, and how the answer begins that ends the handshake; null: nothing. */
  readonly greeting: { readonly frame: Buffer; readonly answer: string } | null;
}

const PLAIN: Dialect = { opcode: BINARY, before: '', after: '', target: (path) => path, greeting: null };

/** Engine.IO protocol 4: packet 4 is a message; Socket.IO protocol 5: packet 0 connects, packet 2 is an event named m. */
const SOCKET_IO: Dialect = {
  opcode: TEXT,
  before: '42["m","',
  after: '"]',
  target: (path) => `/socket.io/?EIO=4&transport=websocket&path=${encodeURIComponent(path)}`,
  greeting: { frame: clientFrame(TEXT, Buffer.from('40')), answer: '40' },
};

/** `isText`: messages are text where the dialect leaves that open. */
export function dialect(name: DialectName, isText = false): Dialect {
  if (name === 'socket.io') return SOCKET_IO;
  return isText ? { ...PLAIN, opcode: TEXT } : PLAIN;
}

/** Reads until the server has answered the greeting; gives true then. */
export function greetingReader(answer: string): (chunk: Buffer) => boolean {
  let isAnswered = false;
  const reader = new FrameReader((_, payload) => {
    if (payload.toString().startsWith(answer)) isAnswered = true;
  });
  return (chunk) => {
    reader.push(chunk);
    return isAnswered;
  };
}
