#!/usr/bin/env node
/** The command: reads its options, starts the server, maps signals and errors to exits. */
import { readFileSync } from 'node:fs';
import { helpText, readCommand } from './command-line.ts';
import { AppLoadError, ConfigError, PolyloopError } from './errors.ts';
import { EXIT_SOFTWARE, Server } from './primary/primary.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_SIGNALLED_TWICE = 130;

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

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

async function serve(): Promise<void> {
  const command = readCommand(process.argv.slice(2), process.env, process.cwd());
  switch (command.run) {
    case 'help':
      process.stdout.write(helpText());
      break;
    case 'version':
      process.stdout.write(`${version()}\n`);
      break;
    case 'serve': {
      const starting = Server.start(command.config);
      obeySignals(starting);
      const server = await starting;
      await server.onClose;
      process.exit(server.failure ? EXIT_SOFTWARE : 0);
    }
  }
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

await serve().catch(fail);
