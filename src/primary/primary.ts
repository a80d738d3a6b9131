/** The server as its user holds it: starts the loops, listens, and stops everything in the right order. */
import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { type Config, configOf, type OptionName, type ServerOptions, shownPath } from '../config.ts';
import { AppLoadError, LoopError } from '../errors.ts';
import type { LoopSnapshot } from '../shared/control-block.ts';
import type { PublishResult } from '../shared/publisher.ts';
import { findTlsFiles } from '../tls-files.ts';
import type { MessageData, SendOptions } from '../websocket.ts';
import type { AppOutline } from '../workers/messages.ts';
import { Acceptor, explainRefusal, listenError } from './acceptor.ts';
import { AdminServer } from './admin/admin-server.ts';
import { type ServerPhase, type ServerStatus, StatusReader } from './admin/status.ts';
import { exitNow } from './exit-now.ts';
import { Journal } from './journal.ts';
import { type LogOutput, openLog, STDERR } from './log-output.ts';
import { OffloadPool } from './offload-pool.ts';
import type { OffloadSnapshot } from './offload-stats.ts';
import { type OpenBridge, openBridge } from './open-bridge.ts';
import { warnOfFewFiles } from './open-files.ts';
import { OwnedMemory } from './owned-memory.ts';
import { Placement } from './placement.ts';
import { Supervisor } from './supervisor.ts';
import { Watchdog } from './watchdog.ts';

const DEFAULT_ADMIN_PORT = 9464;
const NO_ADMIN = 'no admin server; give --admin-port another port, or 0';
const DEMO_APP = new URL('../demo/app.js', import.meta.url).href;
/** What the log says at the start; 0 is: no limit. */
const LIMITS = [
  'maxPayload',
  'maxBackpressure',
  'slowConsumer',
  'maxConnections',
  'maxConnectionsPerIp',
  'upgradesPerSecond',
  'messagesPerSecond',
  'messagesPerSecondPerIp',
  'handshakeTimeoutMs',
  'idleTimeoutMs',
  'maxLifetimeMs',
  'hangTimeoutMs',
  'drainTimeoutMs',
] as const satisfies readonly OptionName[];

/** EX_SOFTWARE of sysexits.h: start me again. */
export const EXIT_SOFTWARE = 70;
/** How long loops may take to close when the process ends without `close()`. */
const EXIT_GRACE_MS = 1000;

/** A server that runs: its loops, the port it listens on, and what they share. Made by `Server.start`. */
export class Server {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #flushLog: () => Promise<void>;
  readonly #memory: OwnedMemory;
  readonly #acceptor: Acceptor;
  readonly #supervisor: Supervisor;
  readonly #watchdog: Watchdog;
  readonly #offload: OffloadPool;
  readonly #journal: Journal;
  readonly #status: StatusReader;
  #admin: AdminServer | undefined;
  #bridge: OpenBridge | null = null;
  #adminPort: number | null = null;
  #phase: ServerPhase = 'starting';
  #failure: LoopError | null = null;
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
    // Told here, before anything starts; every loop looks for itself when it starts.
    findTlsFiles(config);
    const server = new Server(config, await openLog(config.logLevel));
    await server.#start();
    return server;
  }

  /**
   * Starts the loops as `start` does, but does not listen, is no node, and ends them again. Gives what the app module sets up; throws as `start` does.
   * What loops log goes to standard error.
   * @internal
   */
  static async outline(options: ServerOptions): Promise<AppOutline> {
    const config = configOf({ ...options, adminPort: 0, backplane: null });
    findTlsFiles(config);
    const server = new Server(config, await openLog('silent', STDERR));
    await server.#bringUp(async () => {});
    const [loop] = server.#supervisor.threads;
    const outline = loop?.outline;
    await server.close();
    if (server.#failure) throw server.#failure;
    if (outline === undefined) throw new LoopError('no loop has stayed');
    return outline;
  }

  private constructor(config: Config, { log, writeLine, flush }: LogOutput) {
    this.#config = config;
    this.#log = log;
    this.#flushLog = flush;
    this.#acceptor = new Acceptor(config.tlsCert !== null);
    this.#memory = new OwnedMemory(config);
    const memory = this.#memory;
    const placement = new Placement(this.#acceptor, memory.block, config.placement);
    this.#journal = new Journal(log);
    const journal = this.#journal;
    this.#offload = new OffloadPool(config, log);
    const offload = this.#offload;
    const app = config.app ?? DEMO_APP;
    const onGivingUp = (error: LoopError): void => this.#giveUp(error);
    this.#supervisor = new Supervisor({
      config,
      app,
      memory,
      placement,
      offload,
      journal,
      writeLine,
      onGivingUp,
    });
    this.#watchdog = new Watchdog({
      threads: this.#supervisor.threads,
      memory,
      placement,
      journal,
      hangTimeoutMs: config.hangTimeoutMs,
      onHang: (reason) => this.#endHung(reason),
    });
    this.#status = new StatusReader({
      config,
      memory,
      supervisor: this.#supervisor,
      offload,
      journal,
      phase: () => this.#phase,
      backplane: () => this.#bridge?.status() ?? null,
    });
  }

  /** The port that is listened on; the actual one when 0 was asked for. */
  get port(): number {
    return this.#port;
  }

  /** The port of the admin server; null when there is none. */
  get adminPort(): number | null {
    return this.#adminPort;
  }

  /** Why the server stopped by itself, if it did: a loop failed too often. */
  get failure(): LoopError | null {
    return this.#failure;
  }

  /** How the server is, as the admin server tells it: every loop, the log, offload, restarts, what happened last. */
  status(): ServerStatus {
    return this.#status.read();
  }

  /** A snapshot of every loop, read from shared memory. */
  loops(): LoopSnapshot[] {
    return this.#memory.block.snapshot();
  }

  /** What the offload pool does now, and has done. */
  offload(): OffloadSnapshot {
    return this.#offload.snapshot();
  }

  /** Publishes to a channel from the primary, like `loop.publish`. */
  publish(channel: string, data: MessageData, options?: SendOptions): PublishResult {
    return this.#memory.publish(channel, data, options);
  }

  /**
   * Replaces every loop with one that has loaded the app module and the TLS files anew, one after the other: the new one is ready
   * first, then the old one is drained with 1012. No connection attempt is refused meanwhile. Rejects with `AppLoadError` when the
   * new code does not load, with `ConfigError` when a TLS file cannot be used; loops that were not replaced by then stay.
   */
  async reload(): Promise<void> {
    this.#journal.info({}, 'reloading');
    try {
      findTlsFiles(this.#config);
      await this.#supervisor.reload();
    } catch (error) {
      const reason = (error as Error).message;
      this.#journal.error(
        { reason, err: error },
        'reload failed; loops that were not replaced stay as they are',
      );
      throw error;
    }
    this.#journal.info({}, 'reloaded');
  }

  /**
   * Closes a part of all connections, from 0 to 1, picked at random, with 1012 and spread over the drain time, so that clients connect
   * again and are placed anew. Resolves with how many when the last one is closed. Throws `RangeError` for another fraction.
   */
  async shed(fraction: number): Promise<number> {
    if (!(fraction >= 0 && fraction <= 1)) throw new RangeError(`fraction ${fraction} is not from 0 to 1`);
    return await this.#supervisor.shed(fraction);
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
    await this.#bringUp(async () => {
      this.#port = await this.#listen();
    });
    this.#announce();
  }

  /** Starts the loops, then lets them be reached. When either fails nothing is left running. */
  async #bringUp(open: () => Promise<void>): Promise<void> {
    const { app } = this.#config;
    // Told here, in one line, rather than by every loop with a stack of the module loader.
    if (app !== null && !existsSync(shownPath(app))) {
      throw new AppLoadError(shownPath(app), { detail: 'there is no such file' });
    }
    process.on('exit', this.#onExit);
    try {
      await this.#openAdmin();
      this.#bridge = await openBridge(this.#config, this.#memory.channels, this.#log, this.#journal);
      await this.#supervisor.start();
      await open();
    } catch (error) {
      // A thread that lingers must not hide why another could not start; the exit handler stays to see it off.
      await this.#supervisor.abandon().then(
        () => this.#finish(),
        () => {
          this.#admin?.close();
          this.#acceptor.close();
        },
      );
      await this.#bridge?.close();
      await this.#offload.close();
      throw error;
    }
    this.#phase = 'running';
  }

  async #openAdmin(): Promise<void> {
    const { adminHost, adminPort, adminToken, port } = this.#config;
    if (adminPort === 0) return;
    const wanted = adminPort ?? DEFAULT_ADMIN_PORT;
    if (wanted === port) {
      this.#log.warn({ reason: `--port is ${port}` }, NO_ADMIN);
      return;
    }
    const admin = new AdminServer(this);
    try {
      this.#adminPort = await admin.listen(adminHost, wanted, adminToken);
      this.#admin = admin;
    } catch (cause) {
      admin.close();
      const error = listenError(adminHost, wanted, cause as NodeJS.ErrnoException);
      if (adminPort !== null) throw error;
      this.#log.warn({ reason: error.message }, NO_ADMIN);
    }
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
    const { host, app, workers, placement, accept, tlsCert, adminHost } = this.#config;
    this.#log.info({ host: host || '*', port: this.#port, accept, tls: tlsCert !== null }, 'listening');
    if (this.#adminPort !== null)
      this.#log.info({ host: adminHost || '*', port: this.#adminPort }, 'admin server listening');
    this.#log.info({ workers, placement }, 'loops ready');
    this.#log.info({ app: app === null ? 'built-in demo' : shownPath(app) }, 'app loaded');
    const limits = Object.fromEntries(LIMITS.map((name) => [name, this.#config[name]]));
    this.#log.info(limits, 'limits');
    warnOfFewFiles(this.#config, this.#log);
  }

  async #close(): Promise<void> {
    this.#phase = 'draining';
    this.#journal.info(
      { connections: this.loops().reduce((sum, loop) => sum + loop.connections, 0) },
      'draining',
    );
    this.#acceptor.stopListening();
    await this.#supervisor.stop();
    await this.#bridge?.close();
    await this.#offload.close();
    this.#log.info('stopped');
    await this.#flushLog();
    this.#finish();
  }

  /** A loop fails again and again, so something is wrong that starting it anew does not mend. */
  #giveUp(error: LoopError): void {
    this.#failure ??= error;
    this.#journal.fatal({ reason: error.message }, 'giving up');
    this.close().catch(() => this.#endHung('a loop does not end'));
  }

  /** A thread cannot be killed safely, so the process ends, and whoever started it starts it again. */
  async #endHung(reason: string): Promise<void> {
    this.#watchdog.stop();
    this.#log.fatal({ reason }, 'a loop hangs; the process ends');
    await this.#flushLog();
    process.exit(EXIT_SOFTWARE);
  }

  #finish(): void {
    this.#watchdog.stop();
    this.#admin?.close();
    process.off('exit', this.#onExit);
    this.#acceptor.close();
    this.#resolveClosed();
  }

  /**
   * The process ends while loops run. A thread that ends with its app open aborts the process, so each loop closes its app
   * first; one that is stuck cannot.
   */
  readonly #onExit = (code: number): void => {
    this.#supervisor.abandonNow();
    const deadline = performance.now() + EXIT_GRACE_MS;
    const areClosed = this.#memory.block.slots.every((slot) =>
      slot.waitForNoApp(deadline - performance.now()),
    );
    if (!areClosed) exitNow(code);
  };
}
