/** How a command is used: read from one table, which its `--help` is made from too. */
import { parseArgs } from 'node:util';
import { helpRows } from '../command-line.ts';
import { shownValue } from '../config.ts';
import { ConfigError } from '../errors.ts';
import type { Kind } from '../option-kinds.ts';

/** An option of a command. `metavar` is empty when the flag alone means true. */
export interface Flag<T> {
  readonly metavar: string;
  readonly kind: Kind<T>;
  readonly fallback: T;
  /** The default as `--help` shows it; left out when there is none to show. */
  readonly shown?: string;
  readonly help: string;
}

export interface Usage {
  /** `top [URL]`. The one argument beside the flags is in brackets when it may be left out. */
  readonly synopsis: string;
  readonly about: string;
  /** By the name of the flag, without the dashes. */
  readonly flags: Readonly<Record<string, Flag<unknown>>>;
  /** What else there is to say, below the flags. */
  readonly notes?: string;
}

type Values<U extends Usage> = {
  readonly [Name in keyof U['flags']]: U['flags'][Name] extends Flag<infer T> ? T : never;
};

/** The argument, undefined when it was left out, and the value of each flag. Throws `ConfigError`, which names what is not accepted. */
export function readArguments<U extends Usage>(
  usage: U,
  args: readonly string[],
): { argument: string | undefined; values: Values<U> } {
  const [command = '', metavar] = usage.synopsis.split(' ');
  const { positionals, values } = parse(usage, args, command);
  const [argument, extra] = positionals;
  const isNeeded = metavar !== undefined && !metavar.startsWith('[');
  if (argument === undefined && isNeeded)
    throw new ConfigError(`${command}: needs ${metavar}; ${hint(command)}`);
  const unexpected = metavar === undefined || metavar === '[options]' ? argument : extra;
  if (unexpected !== undefined)
    throw new ConfigError(`${command}: ${shownValue(unexpected)} is one argument too many; ${hint(command)}`);
  const read = Object.entries(usage.flags).map(([name, { kind, fallback }]) => {
    const given = values[name];
    return [name, given === undefined ? fallback : readFlag(name, kind, given)];
  });
  return { argument, values: Object.fromEntries(read) as Values<U> };
}

const hint = (command: string): string => `see polyloop ${command} --help`;

function parse(
  { flags }: Usage,
  args: readonly string[],
  command: string,
): { positionals: string[]; values: Record<string, string | boolean | undefined> } {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { metavar }]) => [
      name,
      { type: metavar === '' ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    // Its first sentence says what; the others give advice that does not apply.
    const [what = ''] = (error as Error).message.split(/[.\n]/);
    throw new ConfigError(`${command}: ${what}; ${hint(command)}`);
  }
}

function readFlag(name: string, kind: Kind<unknown>, given: string | boolean): unknown {
  if (typeof given === 'boolean') return given;
  const value = kind.parse(given, process.cwd());
  if (value !== undefined) return value;
  throw new ConfigError(`--${name}: ${shownValue(given)} is not accepted; give ${kind.accepts}`);
}

export function usageText({ synopsis, about, flags, notes }: Usage): string {
  const rows = Object.entries(flags).map(([name, { metavar, help, shown }]) => ({
    left: `--${name} ${metavar}`.trimEnd(),
    help: `${help}${shown === undefined ? '' : ` [${shown}]`}`,
  }));
  rows.push({ left: '--help', help: 'print this and exit' });
  return `Usage: polyloop ${synopsis}

${about}

${helpRows(rows)}
${notes === undefined ? '' : `\n${notes}\n`}`;
}
