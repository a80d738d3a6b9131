/** The built server run to its end, as for `--help` or a start that fails. */
import { type Exit, ServerProcess } from './server-process.ts';

export interface Outcome extends Exit {
  readonly stdout: string;
  /** Lines of standard error. */
  readonly errors: string[];
}

export async function runCommand(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const server = new ServerProcess(args, env);
  const exit = await server.exit;
  const lines = [...server.torn, ...server.lines.map((line) => JSON.stringify(line))];
  return { ...exit, stdout: lines.join('\n'), errors: server.stderr.replace(/\n$/, '').split('\n') };
}
