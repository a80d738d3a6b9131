export const SERVER_STATES = ['starting', 'ready', 'degraded', 'unready', 'draining'] as const;
/**
 * State of the whole server. `ready`: every loop serves. `degraded`: some do not, at least half of them do; or the engine of the
 * backplane is away. `unready`: fewer.
 * @useDeclaredType
 */
export type ServerState = (typeof SERVER_STATES)[number];

export const RESTART_CAUSES = ['error', 'exit', 'heap', 'ended', 'reload'] as const;
/**
 * Why another thread took a loop's place: an uncaught error, `process.exit` in user code, a heap that was nearly full, a thread
 * that ended by itself, a reload.
 * @useDeclaredType
 */
export type RestartCause = (typeof RESTART_CAUSES)[number];
