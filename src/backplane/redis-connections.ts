/**
 * The two connections to Redis: one sends commands, one only listens, because Redis cuts off who does not read. They come and go together: when
 * one is lost the other is ended, and both are made anew, with the next server of the list. In a cluster, which is found out, commands go to
 * the node that has the key, and what is published reaches listeners at every node.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { PUBLISH, READ } from './redis-scripts.ts';

export interface RedisServers {
  /** `host:port`, in the order in which they are tried. */
  readonly servers: readonly string[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly isTls: boolean;
  /** How the connections are called in Redis's list of clients. */
  readonly name: string;
}

export interface RedisEvents {
  /** `run`: another one when Redis was started anew, or another server has taken its place. */
  onOpen(run: string): void;
  /** With what is known of the cause; also when an attempt to connect has failed. */
  onClose(reason: string): void;
  onMessage(subject: string, bytes: Buffer): void;
}

const SCRIPTS = { publish: PUBLISH, read: READ } as const;
export type ScriptName = keyof typeof SCRIPTS;

const RETRY_MS = 500;
const CONNECT_TIMEOUT_MS = 3000;
const OPEN_TIMEOUT_MS = 10_000;
const LOOK_MS = 1000;
/** An engine that does not answer for so long is taken for gone. */
const SILENCE_MS = 4000;
/** Subjects of one command, so that no answer takes long. */
const SUBSCRIBE_BATCH = 500;

/** Connections that come and go together. */
class Attempt {
  /** The first error. */
  reason: string | undefined;
  readonly #connections: (Redis | Cluster)[] = [];
  readonly #abort = new AbortController();
  /** Rejects when one of them has ended, or all were. */
  readonly ended = new Promise<never>((_, reject) => {
    this.#abort.signal.addEventListener('abort', () => reject(new Error('the connection has ended')));
  });

  constructor() {
    this.ended.catch(() => {});
  }

  add(connection: Redis | Cluster): void {
    this.#connections.push(connection);
    // An error is followed by the end.
    connection.on('error', ({ message }: Error) => {
      this.reason ??= message;
    });
    connection.on('end', () => this.end());
    if (this.#abort.signal.aborted) connection.disconnect();
  }

  end(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    for (const connection of this.#connections) connection.disconnect();
  }
}

interface Pair {
  readonly commands: Redis | Cluster;
  readonly listener: Redis;
  readonly shas: Readonly<Record<ScriptName, string>>;
  readonly run: string;
}

export class RedisConnections {
  readonly #servers: RedisServers;
  readonly #events: RedisEvents;
  readonly #timer: NodeJS.Timeout;
  #attempts = 0;
  #pair: Pair | undefined;
  /** Ends an attempt or the present pair. */
  #end: () => void = () => {};
  #answeredMs = 0;
  #isClosed = false;

  /** Connects in the background, for as long as it takes. */
  constructor(servers: RedisServers, events: RedisEvents) {
    this.#servers = servers;
    this.#events = events;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
    void this.#follow();
  }

  get isOpen(): boolean {
    return this.#pair !== undefined;
  }

  get isCluster(): boolean {
    return this.#pair?.commands instanceof Cluster;
  }

  /** Rejects at once when there is no connection, and when it is lost before the answer. */
  async run(
    script: ScriptName,
    keys: readonly string[],
    ...args: (string | number | Buffer)[]
  ): Promise<unknown> {
    if (this.#pair === undefined) throw new Error('not connected');
    const { commands, shas } = this.#pair;
    return await commands.callBuffer('EVALSHA', shas[script], keys.length, ...keys, ...args);
  }

  /** A message that is not kept and has no number. */
  publish(subject: string, bytes: Buffer): void {
    this.#pair?.commands.publish(subject, bytes).catch(() => {});
  }

  /** Resolves when everything that is published from here on is heard. */
  async listen(subjects: readonly string[]): Promise<void> {
    for (let i = 0; i < subjects.length; i += SUBSCRIBE_BATCH) {
      await this.#pair?.listener.subscribe(...subjects.slice(i, i + SUBSCRIBE_BATCH));
    }
  }

  unlisten(subject: string): void {
    this.#pair?.listener.unsubscribe(subject).catch(() => {});
  }

  /** Makes both connections anew. */
  restart(): void {
    this.#end();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#end();
  }

  async #follow(): Promise<void> {
    while (!this.#isClosed) {
      const attempt = new Attempt();
      this.#end = () => attempt.end();
      try {
        const pair = await Promise.race([this.#open(attempt), attempt.ended, refusedAfter(OPEN_TIMEOUT_MS)]);
        this.#pair = pair;
        this.#answeredMs = performance.now();
        this.#events.onOpen(pair.run);
        await attempt.ended;
      } catch (error) {
        // It is not there, or not ready, or was lost. It is tried again, here or at the next server.
        attempt.reason ??= (error as Error).message;
      }
      attempt.end();
      this.#pair = undefined;
      this.#events.onClose(attempt.reason ?? 'closed');
      if (!this.#isClosed) await delay(RETRY_MS, undefined, { ref: false });
    }
  }

  async #open(attempt: Attempt): Promise<Pair> {
    const { servers } = this.#servers;
    const server = servers[this.#attempts++ % servers.length] as string;
    const redis = async (): Promise<Redis> => {
      const made = new Redis(this.#options(server));
      attempt.add(made);
      await made.connect();
      return made;
    };
    const [first, listener] = await Promise.all([redis(), redis()]);
    // In the handshake it would fail without a word.
    const { database } = this.#servers;
    if (database !== 0) await first.select(database);
    listener.on('messageBuffer', (subject: Buffer, bytes: Buffer) => {
      this.#events.onMessage(subject.toString(), bytes);
    });
    const isCluster = String(await first.info('cluster')).includes('cluster_enabled:1');
    const commands = isCluster ? await this.#cluster(server, attempt) : first;
    const masters = commands instanceof Cluster ? commands.nodes('master') : [commands];
    const runs = await Promise.all(masters.map(async (master) => runOf(await master.info('server'))));
    const shas: Record<string, string> = {};
    for (const [name, lua] of Object.entries(SCRIPTS)) {
      const loaded = await Promise.all(masters.map((master) => master.script('LOAD', lua)));
      shas[name] = String(loaded[0]);
    }
    return { commands, listener, shas: shas as Record<ScriptName, string>, run: runs.sort().join() };
  }

  async #cluster(server: string, attempt: Attempt): Promise<Cluster> {
    const { host, port, ...redisOptions } = this.#options(server);
    const cluster = new Cluster([{ host, port }], {
      lazyConnect: true,
      enableOfflineQueue: false,
      // A command that was sent on by itself could be run twice, or behind one that it must come before.
      maxRedirections: 0,
      clusterRetryStrategy: () => null,
      redisOptions,
    });
    attempt.add(cluster);
    // One that is lost may come back as another, and what it was to pass on meanwhile was heard by nobody.
    cluster.on('-node', () => attempt.end());
    await cluster.connect();
    return cluster;
  }

  #options(server: string) {
    const { user, password, database, isTls, name } = this.#servers;
    const { hostname, port } = new URL(`redis://${server}`);
    const host = hostname.replace(/^\[|\]$/g, '');
    return {
      host,
      port: Number(port),
      db: database,
      connectionName: name,
      connectTimeout: CONNECT_TIMEOUT_MS,
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      retryStrategy: () => null,
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password }),
      ...(isTls ? { tls: { servername: host } } : {}),
    } satisfies RedisOptions;
  }

  /** Once a second: an engine that stands still closes no connection. */
  #look(): void {
    const pair = this.#pair;
    if (pair === undefined) return;
    if (performance.now() - this.#answeredMs > SILENCE_MS) {
      this.restart();
      return;
    }
    const servers = pair.commands instanceof Cluster ? pair.commands.nodes('master') : [pair.commands];
    Promise.all([...servers, pair.listener].map((server) => server.ping())).then(
      () => {
        this.#answeredMs = performance.now();
      },
      () => {},
    );
  }
}

const runOf = (info: string): string => /run_id:(\w+)/.exec(info)?.[1] ?? '';

async function refusedAfter(ms: number): Promise<never> {
  await delay(ms, undefined, { ref: false });
  throw new Error(`no connection within ${ms} ms`);
}
