/** So many arguments take 32 KiB of stack while they are passed. */
const ARGUMENTS: readonly number[] = new Array<number>(4096).fill(0);

function ignore(): void {}

/**
 * Throws the `RangeError` of an overflowing stack now, if it could come while a connection is closed. uWebSockets.js reports the
 * close within the call that closes; were there no stack left for that report, it would be lost, and with it the connection's
 * place and `onClose`. What the report runs may be code that the engine has yet to compile, which takes more than to run it; so the
 * room is larger than that of `src/shared/stack-room.ts`, and takes two microseconds to look for.
 */
export function ensureRoomToClose(): void {
  Reflect.apply(ignore, undefined, ARGUMENTS);
}
