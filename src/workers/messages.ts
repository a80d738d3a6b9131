/**
 * Control messages between the primary and a loop, named by direction and moment. They carry control only: messages of
 * users never travel this way.
 */

import type { Config } from '../config.ts';
import type { SharedMemory } from '../shared/shared-memory.ts';
import type { LoopDescriptor } from '../uws.ts';

/** What a loop is born with. */
export interface LoopBirth {
  readonly loopId: number;
  readonly generation: number;
  readonly memory: SharedMemory;
  readonly config: Config;
  /** `file:` URL of the app module. */
  readonly app: string;
}

/** An error on its way to another thread, where its class does not exist. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

export type PrimaryToLoop =
  | { readonly type: 'listen'; readonly host: string; readonly port: number }
  | DrainMessage
  /** The process is about to end: close the app at once, tell nobody. */
  | { readonly type: 'abandon' };

/** Empty this loop of connections and end it. Times count from the moment the loop reads the message. */
export interface DrainMessage {
  readonly type: 'drain';
  /** Close code for connections: 1001 when the server stops, 1011 when this loop is at fault. */
  readonly code: number;
  readonly reason: string;
  /** Everything is over by then; what is still open is dropped. */
  readonly timeoutMs: number;
  /** The closing of connections is spread over this time. */
  readonly spreadMs: number;
}

export type LoopToPrimary =
  | { readonly type: 'ready'; readonly descriptor: LoopDescriptor }
  | { readonly type: 'failed'; readonly error: PlainError }
  | { readonly type: 'listening'; readonly port: number | null }
  /** User code threw outside a callback: the loop works on, but its state cannot be trusted. */
  | { readonly type: 'fault'; readonly error: PlainError }
  /** The thread is about to end and waits until the acceptor has let go of its descriptor. */
  | { readonly type: 'exiting' }
  | { readonly type: 'log'; readonly line: string };

/** Never throws, whatever was thrown: it may be no Error, or one that throws when it is looked at. */
export function plainError(thrown: unknown): PlainError {
  try {
    if (thrown instanceof Error) {
      const { name, message, stack } = thrown;
      return { name: `${name}`, message: `${message}`, stack: `${stack ?? message}` };
    }
    return { name: 'Error', message: String(thrown), stack: `thrown, not an Error: ${String(thrown)}` };
  } catch {
    const message = 'something was thrown that cannot be shown';
    return { name: 'Error', message, stack: message };
  }
}
