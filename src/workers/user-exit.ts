/**
 * `process.exit` as user code calls it on a loop. Ending the thread on the spot is not safe: connections that the acceptor has handed
 * over wait for a turn of this loop, and would be served when no JavaScript runs any more, which aborts the process. So the call ends the
 * user code that makes it, by a throw, and the loop is drained and ends in the right order.
 */
import { syncBuiltinESMExports } from 'node:module';

/** What ends the user code. It is no error of the app, and is not logged. */
export class UserExit extends Error {
  constructor() {
    super('process.exit was called');
    this.name = UserExit.name;
  }
}

/** From here on `process.exit` calls `onExit` and throws `UserExit`. Gives what it was before. */
export function takeOverExit(onExit: () => void): (code: number) => never {
  const { exit } = process;
  process.exit = () => {
    onExit();
    throw new UserExit();
  };
  // `import { exit } from 'node:process'` is to see it as well.
  syncBuiltinESMExports();
  return (code) => exit.call(process, code);
}
