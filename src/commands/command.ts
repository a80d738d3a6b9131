/** Runs what stands behind `polyloop COMMAND`. The modules of a command are loaded only when it runs. */
import type { CommandName } from '../command-line.ts';
import { type Usage, usageText } from './usage.ts';

interface CommandModule {
  readonly usage: Usage;
  /** Gives the exit code. Throws `ConfigError` for arguments that are not accepted. */
  run(args: readonly string[]): Promise<number>;
}

const LOADERS: Readonly<Record<CommandName, () => Promise<CommandModule>>> = {
  top: () => import('./top.ts'),
  bench: () => import('./bench.ts'),
  check: () => import('./check.ts'),
  init: () => import('./init.ts'),
};

/** Runs a command, or prints its help; gives the exit code. */
export async function runCommand(name: CommandName, args: readonly string[]): Promise<number> {
  const command = await LOADERS[name]();
  if (!args.includes('--help')) return command.run(args);
  process.stdout.write(usageText(command.usage));
  return 0;
}

/** One line on standard error, for what went wrong at run time; gives the exit code. */
export function failed(text: string): number {
  process.stderr.write(`polyloop: ${text.replace(/\s*[\r\n]+\s*/g, ' ')}\n`);
  return 1;
}
