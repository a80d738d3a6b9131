/**
 * `process.exit` as user code calls it on a loop. Ending the thread on the spot is not safe: connections that the acceptor has handed
 * over wait for a turn of this loop, and would be served when no JavaScript runs any more, which aborts the process. So the call ends the
 * user code that makes it, by a throw, and the loop is drained and ends in the right order.
 */
import { syncBuiltinESMExports } from 'node:module';

/** What `process.exit` has thrown. Asked for by identity: whatever user code throws may be a proxy that throws when it is looked at. */
const EXITS = new WeakSet<object>();

/** What was thrown ends user code that has called `process.exit`. It is no error of the app, and is not logged. */
export const isUserExit = (thrown: unknown): boolean =>
  typeof thrown === 'object' && thrown !== null && EXITS.has(thrown);

/** From here on `process.exit` calls `onExit` with what it then throws, to end the code that calls it. Gives what it was before. */
export function takeOverExit(onExit: (exit: Error) => void): (code: number) => never {
  const { exit: reallyExit } = process;
  process.exit = () => {
    const exit = new Error('process.exit was called');
    EXITS.add(exit);
    onExit(exit);
    throw exit;
  };
  // `import { exit } from 'node:process'` is to see it as well.
  syncBuiltinESMExports();
  return (code) => reallyExit.call(process, code);
}
