/** `polyloop check`: reads the options and loads the app module as a start would, and tells what would run. */
import { readSources } from '../command-line.ts';
import { resolveConfig } from '../config.ts';
import { flagKind } from '../option-kinds.ts';
import { Server } from '../primary/primary.ts';
import { reportOf, reportText } from './check/report.ts';
import type { Usage } from './usage.ts';

export const usage = {
  synopsis: 'check [options]',
  about: `Takes the options of the server, as flags, environment and config file (see polyloop --help). Starts the loops, has each of
them load the app module, ends them without having listened, and shows what would run. Exits with 0 when all is well, with
1 when the app module does not load, with 2 for an option that is not accepted.`,
  flags: { json: { metavar: '', kind: flagKind, fallback: false, help: 'print one line of JSON instead' } },
  notes: 'What the app module prints and logs goes to standard error. Its onShutdown callbacks run.',
} as const satisfies Usage;

export async function run(args: readonly string[]): Promise<number> {
  const options = args.filter((arg) => arg !== '--json');
  const sources = readSources(options, process.env, process.cwd());
  const config = resolveConfig(sources);
  const { stdout, stderr } = process;
  const print = stdout.write.bind(stdout);
  // What the app module prints on a loop comes by here, and is no part of the report.
  stdout.write = stderr.write.bind(stderr);
  const report = reportOf(sources, config, await Server.outline(config));
  print(options.length < args.length ? `${JSON.stringify(report)}\n` : reportText(report));
  return 0;
}
