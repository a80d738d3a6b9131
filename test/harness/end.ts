/** The two implementations of `WebSocket`, as tests see them that hold for both. */
import type { Socket } from 'node:net';
import type { ServerOptions, WebSocket } from 'polyloop';
import { type FrameShape, frame } from './frames.ts';
import type { Peer } from './peer.ts';

/** Options that a server and a client have in common. */
export type EndOptions = Pick<ServerOptions, 'maxPayload' | 'maxBackpressure' | 'compression'>;

export interface OpenOptions {
  /** Subprotocols to offer; the first is selected. */
  readonly protocols?: readonly string[];
  /** Leave all callbacks to the test. Default: `record` sets them. */
  readonly isBare?: boolean;
}

/** One frame, right or wrong: opcode, payload, shape. */
export type FrameParts = readonly [opcode: number, payload?: string | Uint8Array, shape?: FrameShape];

/** What a function of the test is given where the connection under test is. */
export interface Scope {
  readonly ws: WebSocket;
  /** Gives the test an event, see `Connection.seen`. */
  post(event: unknown): void;
}

/** A function of the test. It may travel as source text: it sees its arguments and nothing else. */
export type Body<Args extends readonly unknown[], T> = (scope: Scope, ...args: Args) => T;

/** A side on which connections are under test. */
export interface End {
  readonly side: 'server' | 'client';
  /** Opens a connection, which is dropped when the test is over. */
  open(options?: OpenOptions): Promise<Connection>;
  /** Callbacks that have failed so far. */
  failures(): Promise<number>;
  close(): Promise<void>;
}

/** A connection under test and its peer. Results and events are what JSON makes of them. */
export abstract class Connection {
  readonly peer: Peer;
  /** The TCP connection below, at the peer's end. */
  readonly wire: Socket;
  /** The peer is a client, which masks its frames. */
  protected abstract readonly isMasked: boolean;

  constructor(peer: Peer, wire: Socket) {
    this.peer = peer;
    this.wire = wire;
  }

  /** Runs `body` with the connection under test, and gives what it returned. What it throws is thrown here: `RangeError: …`. */
  abstract run<Args extends readonly unknown[], T>(body: Body<Args, T>, ...args: Args): Promise<Awaited<T>>;

  /** The next event that was posted, now or later. */
  abstract seen(): Promise<unknown>;

  /** Events that were posted and not taken by `seen`. */
  abstract unseen(): Promise<unknown>;

  async seenInOrder(count: number): Promise<unknown[]> {
    const events: unknown[] = [];
    while (events.length < count) events.push(await this.seen());
    return events;
  }

  /** Has the peer write frames, in one piece. */
  write(...frames: readonly FrameParts[]): void {
    const { isMasked } = this;
    this.wire.write(
      Buffer.concat(frames.map(([opcode, payload, shape]) => frame(opcode, payload, { isMasked, ...shape }))),
    );
  }
}

/** Posts whatever happens to the connection. */
export function record({ ws, post }: Scope): void {
  const textOf = (payload: Uint8Array): string => Buffer.from(payload).toString();
  ws.onText((_, text) => post({ text }));
  ws.onBinary((_, bytes) => post({ bytes: [...bytes] }));
  ws.onPing((_, payload) => post({ ping: textOf(payload) }));
  ws.onPong((_, payload) => post({ pong: textOf(payload) }));
  ws.onDrain((ws) => post({ drained: ws.bufferedAmount }));
  void ws.onClose.then((closed) => post({ closed }));
}
