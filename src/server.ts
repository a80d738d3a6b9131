#!/usr/bin/env node
/** The command: reads its options, starts the server or another command, maps signals and errors to exits. */
import { helpText, readCommand } from './command-line.ts';
import { runCommand } from './commands/command.ts';
import type { Config } from './config.ts';
import { AppLoadError, ConfigError, PolyloopError } from './errors.ts';
import type { Server } from './primary/primary.ts';
import { version } from './version.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_SIGNALLED_TWICE = 130;

/** One line for what the operator can mend; the app's own stack when its module failed. */
function fail(error: unknown): never {
  if (error instanceof PolyloopError) {
    process.stderr.write(`polyloop: ${error.message.replace(/\s*[\r\n]+\s*/g, ' ')}\n`);
    if (error instanceof AppLoadError && error.cause instanceof Error) {
      process.stderr.write(`${error.cause.stack}\n`);
    }
  } else {
    process.stderr.write(`polyloop: ${String((error as Error | null)?.stack ?? error)}\n`);
  }
  process.exit(error instanceof ConfigError ? EXIT_USAGE : EXIT_FAILED);
}

async function run(): Promise<void> {
  const command = readCommand(process.argv.slice(2), process.env, process.cwd());
  switch (command.run) {
    case 'help':
      process.stdout.write(helpText());
      break;
    case 'version':
      process.stdout.write(`${version()}\n`);
      break;
    case 'serve':
      return serve(command.config);
    default:
      process.exitCode = await runCommand(command.run, command.args);
  }
}

async function serve(config: Config): Promise<void> {
  // Loaded here and not above: other commands have no use for it.
  const { EXIT_SOFTWARE, Server } = await import('./primary/primary.ts');
  const starting = Server.start(config);
  obeySignals(starting);
  const server = await starting;
  await server.onClose;
  process.exit(server.failure ? EXIT_SOFTWARE : 0);
}

function obeySignals(starting: Promise<Server>): void {
  let started: Server | undefined;
  let isStopping = false;
  starting.then(
    (server) => {
      started = server;
    },
    () => {},
  );
  const stop = (): void => {
    if (isStopping) process.exit(EXIT_SIGNALLED_TWICE);
    // Nobody is connected yet, and the app may take for ever to load.
    if (started === undefined) process.exit(0);
    isStopping = true;
    started.close().catch(fail);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // The log says how it went.
  process.on('SIGHUP', () => void started?.reload().catch(() => {}));
}

await run().catch(fail);
