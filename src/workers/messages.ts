/**
 * Control messages between the primary and a loop, named by direction and moment. They carry control only: messages of
 * users never travel this way.
 */

import type { MessagePort } from 'node:worker_threads';
import type { Config } from '../config.ts';
import type { PlainError } from '../plain-error.ts';
import type { SharedMemory } from '../shared/shared-memory.ts';
import type { LoopDescriptor } from '../uws.ts';

/** What a loop is born with. */
export interface LoopBirth {
  readonly loopId: number;
  readonly generation: number;
  /** The thread's place in the shared memory. */
  readonly seat: number;
  /** Threads that the server has started, this one included: tells this thread from others before it on the same seat. */
  readonly incarnation: number;
  readonly memory: SharedMemory;
  readonly config: Config;
  /** `file:` URL of the app module. */
  readonly app: string;
  /** Tasks that the offload pool can run and let wait, over all loops. */
  readonly offloadCapacity: number;
}

/** What an app module has set up on its loop. */
export interface AppOutline {
  /** Paths of WebSockets, in the order they were given in. */
  readonly paths: readonly string[];
  /** There is a handler for plain HTTP. */
  readonly hasFetch: boolean;
}

export type PrimaryToLoop =
  | { readonly type: 'listen'; readonly host: string; readonly port: number }
  | DrainMessage
  | ShedMessage
  | OffloadFailed
  /** The process is about to end: close connections with 1001 and the app at once. */
  | { readonly type: 'abandon' };

/** Empty this loop of connections and end it. Times count from the moment the loop reads the message. */
export interface DrainMessage {
  readonly type: 'drain';
  /** Close code for connections: 1001 when the server stops, 1012 when this loop is replaced, 1011 when it is at fault. */
  readonly code: number;
  readonly reason: string;
  /** Everything is over by then; what is still open is dropped. */
  readonly timeoutMs: number;
  /** The closing of connections is spread over this time. */
  readonly spreadMs: number;
  /** Handshakes on connections that this loop has taken over already are served until the end: nobody is to be refused. */
  readonly isReload: boolean;
}

/** Close a part of the connections, picked at random; the loop goes on. */
export interface ShedMessage {
  readonly type: 'shed';
  /** From 0 to 1. */
  readonly fraction: number;
  readonly code: number;
  readonly reason: string;
  readonly spreadMs: number;
}

/** The loop works on, but must be replaced. */
export interface LoopFault {
  readonly type: 'fault';
  /**
   * `error`: user code threw outside a callback, and its state cannot be trusted. `heap`: its heap is nearly full. `exit`: it
   * called `process.exit`.
   */
  readonly cause: 'error' | 'heap' | 'exit';
  readonly error: PlainError;
}

/** Have a task run by an offload worker. The data waits in the port, and the result comes back through it. */
export interface OffloadRequest {
  readonly type: 'offload';
  /** Number that no other task of this thread has. */
  readonly task: number;
  /** `file:` URL of the task module, and the function in it. */
  readonly module: string;
  readonly name: string;
  /** From now on; `Infinity` is no limit. */
  readonly timeoutMs: number;
  readonly port: MessagePort;
}

/** A task has come to nothing, and nothing comes through its port. */
export interface OffloadFailed {
  readonly type: 'offload-failed';
  readonly task: number;
  /** `full`: the queue was. `timeout`: it took too long. `worker`: the offload worker ended. */
  readonly cause: 'full' | 'timeout' | 'worker';
  readonly message: string;
}

export type LoopToPrimary =
  | { readonly type: 'ready'; readonly descriptor: LoopDescriptor; readonly outline: AppOutline }
  | { readonly type: 'failed'; readonly error: PlainError }
  | { readonly type: 'listening'; readonly port: number | null }
  | LoopFault
  | OffloadRequest
  /** Nobody waits for that task any more. */
  | { readonly type: 'offload-abort'; readonly task: number }
  /** So many calls were refused without asking. */
  | { readonly type: 'offload-refused'; readonly calls: number }
  /** All that was to be shed is closed. */
  | { readonly type: 'shed'; readonly closed: number }
  /** The thread is about to end and waits until the acceptor has let go of its descriptor. */
  | { readonly type: 'exiting' }
  | { readonly type: 'log'; readonly line: string };
