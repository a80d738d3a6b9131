/** Entry of a loop's thread: one uWebSockets.js app, one copy of the app module, one slot in the control block. */
import { type MessagePort, parentPort, type TransferListItem, workerData } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { AppModule, LoopContext, Upgrader } from '../app.ts';
import type { Config } from '../config.ts';
import type { OffloadArguments, Task } from '../offload/tasks.ts';
import { plainError } from '../plain-error.ts';
import { ChannelLog, threadOf } from '../shared/channel-log.ts';
import { ControlBlock } from '../shared/control-block.ts';
import { Duration } from '../shared/duration.ts';
import type { CounterName } from '../shared/layout.ts';
import type { Activity, LoopSlot } from '../shared/loop-slot.ts';
import { SharedState } from '../shared/state.ts';
import { findTlsFiles, type TlsFiles } from '../tls-files.ts';
import {
  type App,
  addRoutesForEachName,
  closeListenToken,
  createApp,
  type HttpRequest,
  type HttpResponse,
  type ListenToken,
  listen,
  SHARED_COMPRESSION,
} from '../uws.ts';
import { CloseCode, type CloseEvent, type SubscribeRefusal } from '../websocket.ts';
import { Anchor } from './anchor.ts';
import { BacklogSurvey } from './backlog-survey.ts';
import { Channels } from './channels.ts';
import { ClientAddress } from './client-address.ts';
import { claimRejection } from './close-promise.ts';
import { Crowd } from './crowd.ts';
import { drain, shed } from './drain.ts';
import { FanOut } from './fan-out.ts';
import { HttpRequests } from './fetch.ts';
import { asksForWebSocket } from './handshake.ts';
import { type HeapUse, heapWatch } from './heap-watch.ts';
import { startHeartbeat } from './heartbeat.ts';
import { makeLast } from './last-request.ts';
import { Limits } from './limits.ts';
import { logError, loopLogger } from './loop-log.ts';
import type { DrainMessage, LoopBirth, LoopToPrimary, PrimaryToLoop } from './messages.ts';
import { isEndOfConnection, Offload } from './offload.ts';
import { OriginRule } from './origin-rule.ts';
import { RequestHead } from './request-head.ts';
import { RouteTable } from './routes.ts';
import { SeldomLog } from './seldom-log.ts';
import type { ConnectionHolder, ConnectionHost, ServerWebSocket } from './server-websocket.ts';
import { SlowConsumers } from './slow-consumers.ts';
import { traceFields } from './traceparent.ts';
import { Tracing } from './tracing.ts';
import { Upgrades } from './upgrade.ts';
import { isUserExit, takeOverExit } from './user-exit.ts';

/** How long an ending thread waits for the acceptor to let go of it. The primary answers within a turn of its loop. */
const RELEASE_TIMEOUT_MS = 5000;
/** Numbers of connections for each thread: records of a thread before it on its seat must not name a connection of this one. */
const CONNECTION_NUMBERS = 2 ** 20;
/** Room for control frames beyond what messages may take, at least. */
const CONTROL_RESERVE_BYTES = 64 * 1024;
/** How uWebSockets.js words the cause when it drops a connection; a FIN without a close frame is no breach. */
const BROKE_PROTOCOL = /^Received (?!TCP FIN)/;
const TOO_BIG = /too big/;
const WAS_SILENT = /timed out from inactivity/;
/** The options that refuse a subscription. */
const SUBSCRIPTION_LIMITS: Partial<Record<SubscribeRefusal, keyof Config>> = {
  'too-many-channels': 'maxChannels',
  'too-many-subscriptions': 'maxChannelsPerConnection',
};

class Loop implements ConnectionHost {
  readonly loopId: number;
  readonly maxPayload: number;
  readonly totals: Record<CounterName, number>;
  readonly durations = { upgrade: new Duration('upgrade'), lag: new Duration('lag') };
  readonly channels: Channels;
  readonly slow: SlowConsumers;
  readonly #birth: LoopBirth;
  readonly #port: MessagePort;
  readonly #block: ControlBlock;
  readonly #slot: LoopSlot;
  readonly #log: Logger;
  readonly #routes = new RouteTable<Upgrader>();
  readonly #anchor = new Anchor();
  readonly #shared: ChannelLog;
  readonly #fanOut: FanOut;
  readonly #state: SharedState;
  readonly #http: HttpRequests;
  readonly #limits: Limits;
  readonly #clients: ClientAddress;
  readonly #upgrades: Upgrades;
  readonly #offload: Offload;
  #tracing: Tracing | null = null;
  readonly #connections = new Crowd<ServerWebSocket>();
  readonly #shutdownCallbacks: (() => void | Promise<void>)[] = [];
  readonly #stopHeartbeat: () => void;
  #app: App | undefined;
  #listenToken: ListenToken | undefined;
  #sockets = 0;
  #lastNumber: number;
  #isAtFault = false;
  #exit = (code: number): never => process.exit(code);

  constructor(birth: LoopBirth, port: MessagePort) {
    this.#birth = birth;
    this.#port = port;
    this.loopId = birth.loopId;
    this.maxPayload = birth.config.maxPayload;
    this.#block = new ControlBlock(birth.memory.control);
    this.#slot = this.#block.slot(birth.seat);
    this.totals = this.#slot.readTotals();
    this.#lastNumber = (birth.incarnation * CONNECTION_NUMBERS) >>> 0;
    const { log, channels, state } = birth.memory;
    this.#shared = new ChannelLog(log, channels, this.#block.epoch, threadOf(birth.seat));
    this.#state = new SharedState(state, this.#shared.thread);
    this.slow = new SlowConsumers(birth.config.slowConsumer, birth.config.maxBackpressure, this.totals);
    this.#fanOut = new FanOut(this.#shared, birth.seat, this.totals, this.slow, {
      onBehind: () => this.channels.recover(this.#connections),
      onPlaced: (placed) => this.channels.placed(placed),
    });
    this.channels = new Channels(
      this.#shared,
      birth.seat,
      this.#fanOut,
      this.slow,
      birth.config,
      this.totals,
    );
    this.#log = loopLogger(port, birth.config.logLevel, birth.loopId);
    this.#http = new HttpRequests(birth.config.tlsCert === null ? 'http' : 'https', this.totals, this.#log);
    const seldom = new SeldomLog(this.#log);
    this.#limits = new Limits(birth.config, birth.memory, birth.seat, this.totals, seldom);
    this.#clients = new ClientAddress(birth.config.trustProxy);
    const entrance = {
      limits: this.#limits,
      origins: new OriginRule(birth.config),
      clients: this.#clients,
      seldom,
    };
    this.#upgrades = new Upgrades(this.#routes, this.#anchor, this, entrance, this.#log);
    this.#offload = new Offload(birth.offloadCapacity, (message, transfer) => this.#tell(message, transfer));
    this.#stopHeartbeat = startHeartbeat({
      block: this.#block,
      slot: this.#slot,
      totals: this.totals,
      durations: this.durations,
      backlogs: new BacklogSurvey(this.#connections, this.#slot),
      lookAtHeap: heapWatch(birth.config.maxHeapBytes, (heap) => this.#heapIsFull(heap)),
    });
  }

  async start(): Promise<void> {
    process.on('exit', () => this.#end());
    process.on('uncaughtException', (error) => this.#fault(error));
    process.on('unhandledRejection', (error, promise) => {
      if (!claimRejection(promise, error)) this.#fault(error);
    });
    this.#port.on('message', (message: PrimaryToLoop) => this.#receive(message));
    let tls: TlsFiles | null;
    try {
      tls = findTlsFiles(this.#birth.config);
      this.calls('app module');
      const app = await loadApp(this.#birth.app);
      await app.setup(this.#context());
      this.#tracing = Tracing.find();
      this.#upgrades.tracing = this.#tracing;
    } catch (error) {
      this.#tell({ type: 'failed', error: plainError(error) });
      process.exit(1);
    }
    // In this order: see LoopSlot.waitForNoApp.
    this.#slot.state = 'ready';
    if (this.#slot.isReleased(this.#birth.incarnation)) process.exit(0);
    const app = createApp(tls);
    this.#app = app;
    this.#exit = takeOverExit((exit) => this.#userExits(exit));
    await this.#anchor.open(app, tls !== null);
    app.filter((_, change) => this.#socketsChanged(change));
    addRoutesForEachName(app, tls, () => this.#serve(app));
    this.#fanOut.start(app);
    const outline = { paths: this.#routes.patterns, hasFetch: this.#http.handler !== undefined };
    this.#tell({ type: 'ready', descriptor: app.getDescriptor(), outline });
  }

  // ── for connections ──

  nextConnectionNumber(): number {
    this.#lastNumber = (this.#lastNumber + 1) >>> 0 || 1;
    return this.#lastNumber;
  }

  connectionOpened(connection: ServerWebSocket): void {
    this.#connections.add(connection);
    this.#slot.connections = this.#connections.size;
    this.totals.connectionsOpened++;
  }

  connectionClosed(connection: ServerWebSocket, event: CloseEvent): void {
    this.#connections.delete(connection);
    this.#slot.connections = this.#connections.size;
    this.#socketsChanged(-1);
    if (event.code === 1006 && WAS_SILENT.test(event.reason)) this.totals.idleTimeouts++;
    if (event.code === 1006 && BROKE_PROTOCOL.test(event.reason)) {
      this.totals.protocolErrors++;
      if (TOO_BIG.test(event.reason)) {
        this.totals.oversizedMessages++;
        this.#limits.reached('maxPayload', connection.remoteAddress);
      }
      const trace = traceFields(connection.traceparent);
      const { reason } = event;
      this.#log.debug({ connection: connection.id, reason, ...trace }, 'connection broke the protocol');
    }
  }

  calls(activity: Activity): void {
    this.#slot.activity = activity;
  }

  callbackFailed(connection: ServerWebSocket, callback: string, error: unknown): void {
    // An app that gives up its work because the connection is gone has not failed.
    if (connection.isClosed && isEndOfConnection(error)) return;
    this.totals.handlerErrors++;
    const trace = traceFields(connection.traceparent);
    logError(this.#log, { connection: connection.id, callback, ...trace }, error, 'callback failed');
  }

  subscribeRefused(connection: ServerWebSocket, reason: SubscribeRefusal): void {
    const limit = SUBSCRIPTION_LIMITS[reason];
    if (limit !== undefined) this.#limits.reached(limit, connection.remoteAddress);
  }

  // ── the uWebSockets.js app ──

  #serve(app: App): void {
    const { config } = this.#birth;
    const limits = this.#limits;
    app.ws<ConnectionHolder>('/*', {
      maxPayloadLength: config.maxPayload,
      // The loop keeps to `maxBackpressure` by itself; beyond that there is room for control frames.
      maxBackpressure: config.maxBackpressure * 2 + CONTROL_RESERVE_BYTES,
      idleTimeout: Math.ceil(config.idleTimeoutMs / 1000),
      sendPingsAutomatically: true,
      compression: config.compression ? SHARED_COMPRESSION : 0,
      upgrade: (res, req, context) => this.#upgrades.handle(res, this.#headOf(res, req), context),
      open: (raw) => holderOf(raw).connection.opened(raw),
      message: limits.areMessagesLimited
        ? (raw, message, isBinary) => {
            const holder = holderOf(raw);
            if (limits.allowsMessage(holder)) holder.connection.received(message, isBinary);
          }
        : (raw, message, isBinary) => holderOf(raw).connection.received(message, isBinary),
      drain: (raw) => holderOf(raw).connection.drained(),
      dropped: (raw) => holderOf(raw).connection.dropped(),
      ping: (raw, payload) => holderOf(raw).connection.pinged(payload),
      pong: (raw, payload) => holderOf(raw).connection.ponged(payload),
      close: (raw, code, reason) => {
        const { connection, admission } = holderOf(raw);
        admission?.end();
        connection.closed(code, Buffer.from(reason).toString());
      },
    });
    app.any('/*', (res, req) => {
      const head = this.#headOf(res, req);
      if (asksForWebSocket(head)) this.#upgrades.handle(res, head, null);
      else if (this.#http.handler || !this.#upgrades.tryRequireUpgrade(res, head))
        this.#http.handle(res, head);
    });
  }

  #headOf(res: HttpResponse, req: HttpRequest): RequestHead {
    if (this.#clients.isProxied(res)) makeLast(res);
    return new RequestHead(req);
  }

  #socketsChanged(change: number): void {
    this.#sockets += change;
    this.#slot.sockets = this.#sockets;
    if (change > 0) this.#slot.accepted = this.#slot.accepted + change;
  }

  #context(): LoopContext {
    const loop = this;
    return {
      id: this.loopId,
      generation: this.#birth.generation,
      log: this.#log,
      get connections() {
        return loop.#connections.size;
      },
      shared: this.#state,
      loops: () => this.#block.snapshot(),
      publish: (channel, data, options) => this.channels.publish(channel, data, options),
      subscriberCount: (channel) => this.channels.subscriberCount(channel),
      history: (channel, options) => this.channels.history(channel, options),
      webSocket: (path, upgrader) => this.#routes.add(path, upgrader as unknown as Upgrader),
      fetch: (handler) => {
        this.#http.handler = (request) => {
          this.calls('fetch');
          return handler(request);
        };
      },
      offload: <Data, Result>(task: Task<Data, Result>, ...[data, options]: OffloadArguments<Data>) => {
        const run = () => this.#offload.run(task as Task, data, options) as Promise<Result>;
        return this.#tracing === null ? run() : this.#tracing.offload(task.name, run);
      },
      onShutdown: (callback) => {
        this.#shutdownCallbacks.push(callback);
      },
    };
  }

  // ── control ──

  #tell(message: LoopToPrimary, transfer: readonly TransferListItem[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  #receive(message: PrimaryToLoop): void {
    switch (message.type) {
      case 'listen':
        this.#listen(message.host, message.port);
        break;
      case 'drain':
        void this.#drain(message);
        break;
      case 'shed':
        void shed(this.#connections, message).then((closed) => this.#tell({ type: 'shed', closed }));
        break;
      case 'offload-failed':
        this.#offload.failed(message);
        break;
      case 'abandon':
        for (const connection of this.#connections)
          connection.close(CloseCode.goingAway, 'server is shutting down');
        // The acceptor has let go; what it had handed over before is taken over first.
        setImmediate(() => setImmediate(() => this.#exit(0)));
    }
  }

  #listen(host: string, port: number): void {
    const listening = this.#app ? listen(this.#app, host, port, false) : null;
    this.#listenToken = listening?.token;
    this.#tell({ type: 'listening', port: listening?.port ?? null });
  }

  async #drain(message: DrainMessage): Promise<void> {
    if (this.#slot.state === 'draining') return;
    this.#slot.state = 'draining';
    if (this.#listenToken) closeListenToken(this.#listenToken);
    this.#listenToken = undefined;
    const refuse = (): Promise<void> | null => {
      this.#upgrades.drain();
      return this.#http.drain();
    };
    const loop = {
      connections: this.#connections,
      unanswered: () => this.#sockets - this.#connections.size,
      refuse,
      runShutdown: () => this.#runShutdown(),
    };
    await drain(loop, message);
    this.#exit(0);
  }

  async #runShutdown(): Promise<void> {
    const run = async (callback: () => void | Promise<void>): Promise<void> => {
      try {
        this.calls('onShutdown');
        await callback();
      } catch (error) {
        this.totals.handlerErrors++;
        logError(this.#log, {}, error, 'onShutdown failed');
      }
    };
    await Promise.all(this.#shutdownCallbacks.map(run));
  }

  /** User code wants the thread to end: so it does, in the right order. */
  #userExits(exit: Error): void {
    if (this.#isAtFault) return;
    this.#isAtFault = true;
    this.#log.warn(exit.message);
    this.#tell({ type: 'fault', cause: 'exit', error: plainError(exit) });
  }

  /** User code failed where no connection can be blamed. The primary decides what becomes of this loop. */
  #fault(error: unknown): void {
    if (this.#isAtFault || isUserExit(error)) return;
    this.#isAtFault = true;
    this.totals.handlerErrors++;
    logError(this.#log, {}, error, 'uncaught error on the loop');
    this.#tell({ type: 'fault', cause: 'error', error: plainError(error) });
  }

  /** A loop that runs out of heap takes the process with it, so it is replaced before. */
  #heapIsFull({ used: usedBytes, limit: limitBytes }: HeapUse): void {
    if (this.#isAtFault) return;
    this.#isAtFault = true;
    this.#log.error({ usedBytes, limitBytes }, 'heap is nearly full');
    this.#tell({ type: 'fault', cause: 'heap', error: plainError(new Error('its heap is nearly full')) });
  }

  /**
   * Runs last on the thread, however it ends. A thread that ends with its app open takes the process with it, and an
   * acceptor that still knows the app would hand connections to freed memory; so first the one, then the other.
   */
  #end(): void {
    this.#stopHeartbeat();
    this.#fanOut.stop();
    if (this.#app) {
      this.#tell({ type: 'exiting' });
      const isReleased = this.#slot.waitForRelease(this.#birth.incarnation, RELEASE_TIMEOUT_MS);
      if (!isReleased) this.#log.fatal('the acceptor did not let go of this loop');
      this.#app.close();
      this.#app = undefined;
    }
    this.#slot.connections = 0;
    this.#slot.sockets = 0;
    this.#slot.state = 'ended';
  }
}

/** uWebSockets.js copies the properties of the holder to its socket object; reading them there saves a native call. */
const holderOf = (raw: unknown): ConnectionHolder => raw as ConnectionHolder;

async function loadApp(url: string): Promise<AppModule> {
  const module = (await import(url)) as { default?: AppModule & { default?: AppModule } };
  // A module compiled to CommonJS has its default export one level down.
  const app = module.default?.default ?? module.default;
  if (typeof app?.setup !== 'function')
    throw new TypeError('the module does not default-export defineApp(...)');
  return app;
}

if (parentPort === null)
  throw new Error('loop.js is the entry of a worker thread; start the server with server.js');
await new Loop(workerData as LoopBirth, parentPort).start();
