/** The server as its user holds it: starts the loops, listens, and stops everything in the right order. */
import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { type Config, configOf, type ServerOptions, shownPath } from '../config.ts';
import { AppLoadError } from '../errors.ts';
import type { LoopSnapshot } from '../shared/control-block.ts';
import type { PublishResult } from '../shared/publisher.ts';
import type { MessageData, SendOptions } from '../websocket.ts';
import { Acceptor, explainRefusal } from './acceptor.ts';
import { type LogOutput, openLog } from './log-output.ts';
import { OwnedMemory } from './owned-memory.ts';
import { Placement } from './placement.ts';
import { Supervisor } from './supervisor.ts';

const DEMO_APP = new URL('../demo/app.js', import.meta.url).href;
/** How long loops may take to close when the process ends without `close()`. */
const EXIT_GRACE_MS = 1000;

export class Server {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #flushLog: () => Promise<void>;
  readonly #memory: OwnedMemory;
  readonly #acceptor = new Acceptor();
  readonly #supervisor: Supervisor;
  #port = 0;
  #closing: Promise<void> | undefined;
  #resolveClosed: () => void = () => {};

  /** Resolves when everything has stopped: connections closed, threads ended. Never rejects; pending while a loop is stuck. */
  readonly onClose: Promise<void> = new Promise((resolve) => {
    this.#resolveClosed = resolve;
  });

  /**
   * Starts `workers` loops, waits until each has loaded the app module, then listens.
   * Throws `ConfigError` for an invalid option, `AppLoadError` with the file and the loop's stack as `cause`,
   * `ListenError` when the address cannot be had. After a throw nothing is left running.
   */
  static async start(options: ServerOptions = {}): Promise<Server> {
    const config = configOf(options);
    const server = new Server(config, await openLog(config.logLevel));
    await server.#start();
    return server;
  }

  private constructor(config: Config, { log, writeLine, flush }: LogOutput) {
    this.#config = config;
    this.#log = log;
    this.#flushLog = flush;
    this.#memory = new OwnedMemory(config);
    const placement = new Placement(this.#acceptor, this.#memory.block, config.placement);
    this.#supervisor = new Supervisor(
      config,
      config.app ?? DEMO_APP,
      this.#memory,
      placement,
      log,
      writeLine,
    );
  }

  /** The port that is listened on; the actual one when 0 was asked for. */
  get port(): number {
    return this.#port;
  }

  /** A snapshot of every loop, read from shared memory. */
  loops(): LoopSnapshot[] {
    return this.#memory.block.snapshot();
  }

  /** Publishes to a channel from the primary, like `loop.publish`. */
  publish(channel: string, data: MessageData, options?: SendOptions): PublishResult {
    return this.#memory.publish(channel, data, options);
  }

  /**
   * Stops accepting, drains every loop within `drainTimeoutMs`, and ends them. Calling it again waits for the same stop.
   * Rejects with `LoopError` when a loop is stuck in user code: its thread cannot be ended, so the process has to be.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #start(): Promise<void> {
    const { app } = this.#config;
    // Told here, in one line, rather than by every loop with a stack of the module loader.
    if (app !== null && !existsSync(shownPath(app))) {
      throw new AppLoadError(shownPath(app), { detail: 'there is no such file' });
    }
    process.on('exit', this.#onExit);
    try {
      await this.#supervisor.start();
      this.#port = await this.#listen();
    } catch (error) {
      // A thread that lingers must not hide why another could not start; the exit handler stays to see it off.
      await this.#supervisor.abandon().then(
        () => this.#finish(),
        () => this.#acceptor.close(),
      );
      throw error;
    }
    this.#announce();
  }

  async #listen(): Promise<number> {
    const { host, port, accept } = this.#config;
    const actual = await this.#acceptor.listen(host, port);
    if (accept === 'primary') return actual;
    // Having had the port alone shows that no other server is on it, which sharing it would not tell.
    this.#acceptor.stopListening();
    const shared = await this.#supervisor.listenOnLoops({ host, port: actual });
    if (shared === null) throw await explainRefusal(host, actual);
    return shared;
  }

  #announce(): void {
    const {
      host,
      app,
      workers,
      placement,
      accept,
      maxPayload,
      maxBackpressure,
      idleTimeoutMs,
      drainTimeoutMs,
    } = this.#config;
    this.#log.info({ host: host || '*', port: this.#port, accept }, 'listening');
    this.#log.info({ workers, placement }, 'loops ready');
    this.#log.info({ app: app === null ? 'built-in demo' : shownPath(app) }, 'app loaded');
    this.#log.info({ maxPayload, maxBackpressure, idleTimeoutMs, drainTimeoutMs }, 'limits');
  }

  async #close(): Promise<void> {
    this.#log.info(
      { connections: this.loops().reduce((sum, loop) => sum + loop.connections, 0) },
      'draining',
    );
    this.#acceptor.stopListening();
    await this.#supervisor.stop();
    this.#log.info('stopped');
    await this.#flushLog();
    this.#finish();
  }

  #finish(): void {
    process.off('exit', this.#onExit);
    this.#acceptor.close();
    this.#resolveClosed();
  }

  /**
   * The process ends while loops run. A thread that ends with its app open aborts the process, so each loop closes its app
   * first; one that is stuck cannot, and then a kill is quicker and quieter than the abort.
   */
  readonly #onExit = (): void => {
    this.#supervisor.abandonNow();
    const deadline = performance.now() + EXIT_GRACE_MS;
    const areClosed = this.#memory.block.slots.every((slot) =>
      slot.waitForNoApp(deadline - performance.now()),
    );
    if (!areClosed) process.kill(process.pid, 'SIGKILL');
  };
}
