/** One of the programs in examples, started with the arguments of its own run line, on several loops. */
import { readFileSync } from 'node:fs';
import { ServerProcess } from './server-process.ts';

const RUN_LINE = /^ \* Run: node dist\/server\.js (.+)$/m;

export async function startExample(
  file: string,
  workers: number,
  env: NodeJS.ProcessEnv = {},
): Promise<ServerProcess> {
  const args = RUN_LINE.exec(readFileSync(file, 'utf8'))?.[1];
  if (args !== `--app ${file}`) throw new Error(`${file} has another run line: ${args}`);
  const server = new ServerProcess(args.split(' '), { PORT: '0', POLYLOOP_WORKERS: String(workers), ...env });
  await server.line('listening');
  return server;
}
