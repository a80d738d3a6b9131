/** The command line: flags, environment and config file become a `Config`; `--help` is made from the same table. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import {
  type Config,
  type Given,
  givenByObject,
  OPTIONS,
  type OptionName,
  resolveConfig,
  type Source,
  shownValue,
} from './config.ts';
import { ConfigError, FileError } from './errors.ts';

/** What else the command does, each in a file of its own in `commands/`. */
export const COMMANDS = {
  top: 'show the loops of a running server, live',
  bench: 'send messages to a WebSocket server and show how long the answers take',
  check: 'load the options and the app module as a start would, and show what would run',
  init: 'write a small app in TypeScript, with a test',
} as const;

export type CommandName = keyof typeof COMMANDS;

export type Command =
  | { readonly run: 'serve'; readonly config: Config }
  | { readonly run: 'help' }
  | { readonly run: 'version' }
  | { readonly run: CommandName; readonly args: readonly string[] };

/** What is not an option of the server itself. */
const COMMAND_FLAGS = new Set(['config', 'help', 'version']);
const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];
const NAME_OF_FLAG = new Map(OPTION_NAMES.map((name) => [OPTIONS[name].flag as string, name]));

const environmentName = (flag: string): string => `POLYLOOP_${flag.replaceAll('-', '_').toUpperCase()}`;

/** Reads the command. Throws `ConfigError` for what is not accepted, `FileError` for a config file that cannot be read. */
export function readCommand(args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Command {
  const [first = ''] = args;
  if (isCommand(first)) return { run: first, args: args.slice(1) };
  if (/^[^-]/.test(first)) {
    const known = Object.keys(COMMANDS).join(', ');
    throw new ConfigError(
      `unknown command ${shownValue(first)}; known are ${known}; options begin with --, as --app FILE`,
    );
  }
  const flags = readFlags(args);
  if (flags.has('help')) return { run: 'help' };
  if (flags.has('version')) return { run: 'version' };
  return { run: 'serve', config: resolveConfig(sourcesOf(flags, env, cwd)) };
}

const isCommand = (name: string): name is CommandName => Object.hasOwn(COMMANDS, name);

/** The options as flags, environment and config file give them, most important first. Throws as `readCommand` does. */
export const readSources = (args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Source[] =>
  sourcesOf(readFlags(args), env, cwd);

function sourcesOf(flags: Map<string, string>, env: NodeJS.ProcessEnv, cwd: string): Source[] {
  const sources: Source[] = [
    { given: givenByFlags(flags), base: cwd },
    { given: givenByEnvironment(env), base: cwd },
  ];
  const configFile = flags.get('config') ?? env[environmentName('config')];
  if (configFile) sources.push(givenByFile(resolve(cwd, configFile)));
  return sources;
}

/** `--flag value`, `--flag=value`, and a bare `--flag` for what is true or false. The last one counts. */
function readFlags(args: readonly string[]): Map<string, string> {
  const flags = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    const [, flag = '', inline] = /^--([a-z][a-z-]*)(?:=(.*))?$/s.exec(arg) ?? [];
    const name = NAME_OF_FLAG.get(flag);
    if (name === undefined && !COMMAND_FLAGS.has(flag)) {
      throw new ConfigError(`unknown option ${shownValue(arg)}; known are ${knownFlags()}`);
    }
    const takesValue = name === undefined ? flag === 'config' : OPTIONS[name].metavar !== '';
    if (inline !== undefined) flags.set(flag, inline);
    else if (!takesValue) flags.set(flag, '');
    else {
      const value = args[++i];
      if (value === undefined || value.startsWith('--')) {
        const accepts = name === undefined ? 'the path of a JSON file' : OPTIONS[name].kind.accepts;
        throw new ConfigError(`--${flag} needs a value; give ${accepts}`);
      }
      flags.set(flag, value);
    }
  }
  return flags;
}

const knownFlags = (): string =>
  [...OPTION_NAMES.map((name) => OPTIONS[name].flag), ...COMMAND_FLAGS].map((flag) => `--${flag}`).join(' ');

function givenByFlags(flags: Map<string, string>): Map<OptionName, Given> {
  const given = new Map<OptionName, Given>();
  for (const [flag, value] of flags) {
    const name = NAME_OF_FLAG.get(flag);
    if (name) given.set(name, { label: `--${flag}`, value, asText: true });
  }
  return given;
}

function givenByEnvironment(env: NodeJS.ProcessEnv): Map<OptionName, Given> {
  const given = new Map<OptionName, Given>();
  const take = (name: OptionName, label: string): void => {
    // An empty variable is how shells and container files say "not set".
    if (env[label]) given.set(name, { label, value: env[label], asText: true });
  };
  take('port', 'PORT');
  for (const name of OPTION_NAMES) take(name, environmentName(OPTIONS[name].flag));
  return given;
}

function givenByFile(path: string): Source {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new FileError(`--config: cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`${path}: not valid JSON: ${(error as Error).message}`, { cause: error });
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new ConfigError(`${path}: the file must hold a JSON object of options`);
  }
  return { given: givenByObject(path, content), base: dirname(path) };
}

export function helpText(): string {
  const rows = OPTION_NAMES.map((name) => {
    const { flag, metavar, help, fallback } = OPTIONS[name];
    const standard = typeof fallback === 'function' ? 'one per core' : shownDefault(name, fallback);
    return { left: `--${flag} ${metavar}`.trimEnd(), help: `${help}${standard ? ` [${standard}]` : ''}` };
  });
  rows.push(
    { left: '--config FILE', help: 'JSON file with any of these options, named as in Server.start' },
    { left: '--help', help: 'print this and exit' },
    { left: '--version', help: 'print the version and exit' },
  );
  const commands = Object.entries(COMMANDS).map(([left, help]) => ({ left, help }));
  return `polyloop: a WebSocket server that runs on every core and behaves like one event loop

Usage: polyloop [options]      (or: node dist/server.js [options])
       polyloop COMMAND        (with --help: how it is used)

${helpRows(commands)}

${helpRows(rows)}

Every option is also an environment variable, POLYLOOP_MAX_PAYLOAD for --max-payload, and PORT. Precedence: flag,
environment, config file, default. Times are seconds or have a unit: 10, 10s, 500ms, 2m. Sizes: 65536, 64KiB, 1MiB.
Signals: SIGTERM and SIGINT stop gracefully, a second one at once.
`;
}

/** In two columns. */
export function helpRows(rows: readonly { left: string; help: string }[]): string {
  const width = Math.max(...rows.map(({ left }) => left.length));
  return rows.map(({ left, help }) => `  ${left.padEnd(width)}  ${help}`).join('\n');
}

function shownDefault(name: OptionName, value: string | number | boolean | null): string {
  if (value === null || value === '' || value === false) return '';
  if (typeof value === 'number' && name.endsWith('Ms')) return `${value / 1000}s`;
  return String(value);
}
