/**
 * One table of options. It feeds the command line, the environment, the config file, `Server.start`, `--help` and
 * `docs/configuration.md`. Values are checked once, here; the rest of the program sees a frozen `Config`.
 */
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { availableCores } from './available-cores.ts';
import { ConfigError } from './errors.ts';
import {
  bytes,
  choice,
  duration,
  engineKind,
  flagKind,
  hostKind,
  integer,
  type Kind,
  moduleKind,
  nameKind,
  originsKind,
  orNull,
  pathKind,
  proxiesKind,
  ringBytes,
  tokenKind,
} from './option-kinds.ts';

interface Option<T> {
  /** Name on the command line, without the dashes. */
  readonly flag: string;
  /** What `--help` shows for the value; empty when the flag alone means true. */
  readonly metavar: string;
  readonly kind: Kind<T>;
  /** A constant, or how to find it on this machine. */
  readonly fallback: T | (() => T);
  readonly help: string;
}

const SECOND = 1000;
const DAY = 24 * 3600 * SECOND;
const KIB = 1024;
const MIB = 1024 * KIB;
const MAX_LOOPS = 256;
/** Characters of a refused value that a message repeats. */
const SHOWN_LENGTH = 80;

const LOOPS = integer(1, MAX_LOOPS);
const loopPerCore = (): number => Math.min(MAX_LOOPS, availableCores());

const workersKind: Kind<number> = {
  ...LOOPS,
  accepts: `auto or ${LOOPS.accepts}`,
  parse: (text, base) => (text === 'auto' ? loopPerCore() : LOOPS.parse(text, base)),
};

/** Infers the type of an option from its kind alone. */
function option<T>(
  definition: Omit<Option<T>, 'fallback'> & { fallback: NoInfer<T> | (() => NoInfer<T>) },
): Option<T> {
  return definition;
}

/** Option names are those of `Server.start` and of the config file; units are part of the name where there are any. */
export const OPTIONS = {
  app: option({
    flag: 'app',
    metavar: 'FILE',
    kind: moduleKind,
    fallback: null,
    help: 'app module that every loop loads; without it the demo runs',
  }),
  workers: option({
    flag: 'workers',
    metavar: 'N|auto',
    kind: workersKind,
    fallback: loopPerCore,
    help: 'number of loops; auto is one per core',
  }),
  host: option({
    flag: 'host',
    metavar: 'HOST',
    kind: hostKind,
    fallback: '',
    help: 'address to listen on; empty is all, IPv4 and IPv6',
  }),
  port: option({
    flag: 'port',
    metavar: 'PORT',
    kind: integer(0, 65535),
    fallback: 3000,
    help: 'port to listen on; 0 picks a free one',
  }),
  accept: option({
    flag: 'accept',
    metavar: 'primary|reuseport',
    kind: choice('primary', 'reuseport'),
    fallback: 'primary',
    help: 'who accepts connections: the primary, or every loop by itself (Linux)',
  }),
  placement: option({
    flag: 'placement',
    metavar: 'least-connections|round-robin',
    kind: choice('least-connections', 'round-robin'),
    fallback: 'least-connections',
    help: 'which loop a connection goes to',
  }),
  tlsCert: option({
    flag: 'tls-cert',
    metavar: 'FILE',
    kind: pathKind('the path of a file with a certificate in PEM form'),
    fallback: null,
    help: 'serve wss:// and https:// with this certificate, which may be followed by its chain',
  }),
  tlsKey: option({
    flag: 'tls-key',
    metavar: 'FILE',
    kind: pathKind('the path of a file with a private key in PEM form, without a passphrase'),
    fallback: null,
    help: 'private key of the certificate',
  }),
  tlsSni: option({
    flag: 'tls-sni',
    metavar: 'DIR',
    kind: pathKind('the path of a directory with pairs of NAME.crt and NAME.key'),
    fallback: null,
    help: 'more certificates, each for the server names that are in it',
  }),
  origins: option({
    flag: 'origins',
    metavar: 'LIST',
    kind: originsKind,
    fallback: '',
    help: 'origins whose pages may open a WebSocket; empty is the same origin; clients that send none always may',
  }),
  trustProxy: option({
    flag: 'trust-proxy',
    metavar: 'N|LIST',
    kind: proxiesKind,
    fallback: 0,
    help: "proxies that are believed about a client's address: how many there are, or where they are; 0 is none",
  }),
  maxPayload: option({
    flag: 'max-payload',
    metavar: 'BYTES',
    kind: bytes(1, 256 * MIB),
    fallback: 64 * KIB,
    help: 'largest message a client may send',
  }),
  maxBackpressure: option({
    flag: 'max-backpressure',
    metavar: 'BYTES',
    kind: bytes(KIB, 1024 * MIB),
    fallback: MIB,
    help: 'most bytes that wait for one slow client',
  }),
  slowConsumer: option({
    flag: 'slow-consumer',
    metavar: 'drop|close',
    kind: choice('drop', 'close'),
    fallback: 'drop',
    help: 'what happens to a client that reads too slowly: it misses messages, or is closed with 1013',
  }),
  idleTimeoutMs: option({
    flag: 'idle-timeout',
    metavar: 'TIME',
    kind: duration(8 * SECOND, 960 * SECOND, true),
    fallback: 120 * SECOND,
    help: 'close a connection that is silent this long; pings are sent before',
  }),
  handshakeTimeoutMs: option({
    flag: 'handshake-timeout',
    metavar: 'TIME',
    kind: duration(100, 3600 * SECOND, false),
    fallback: 10 * SECOND,
    help: 'longest time that shouldUpgrade may take to decide',
  }),
  maxLifetimeMs: option({
    flag: 'max-lifetime',
    metavar: 'TIME',
    kind: duration(SECOND, 7 * DAY, true),
    fallback: 0,
    help: 'close a connection that is older than this, give or take a tenth',
  }),
  maxConnections: option({
    flag: 'max-connections',
    metavar: 'N',
    kind: integer(0, 16 * MIB),
    fallback: 0,
    help: 'most connections at a time, over all loops; 0 is no limit',
  }),
  maxConnectionsPerIp: option({
    flag: 'max-connections-per-ip',
    metavar: 'N',
    kind: integer(0, 16 * MIB),
    fallback: 0,
    help: 'most connections at a time from one IP address, over all loops; 0 is no limit',
  }),
  upgradesPerSecond: option({
    flag: 'upgrades-per-second',
    metavar: 'N',
    kind: integer(0, MIB),
    fallback: 0,
    help: 'most handshakes per second from one IP address, over all loops; 0 is no limit',
  }),
  messagesPerSecond: option({
    flag: 'messages-per-second',
    metavar: 'N',
    kind: integer(0, MIB),
    fallback: 0,
    help: 'most messages per second from one connection; 0 is no limit',
  }),
  messagesPerSecondPerIp: option({
    flag: 'messages-per-second-per-ip',
    metavar: 'N',
    kind: integer(0, MIB),
    fallback: 0,
    help: 'most messages per second from one IP address, over all loops; 0 is no limit',
  }),
  drainTimeoutMs: option({
    flag: 'drain-timeout',
    metavar: 'TIME',
    kind: duration(100, 3600 * SECOND, false),
    fallback: 10 * SECOND,
    help: 'longest time a graceful stop may take',
  }),
  hangTimeoutMs: option({
    flag: 'hang-timeout',
    metavar: 'TIME',
    kind: duration(3 * SECOND, 3600 * SECOND, true),
    fallback: 30 * SECOND,
    help: 'end the process when a loop has not turned for this long',
  }),
  maxRestarts: option({
    flag: 'max-restarts',
    metavar: 'N',
    kind: integer(0, 1000),
    fallback: 5,
    help: 'restarts of one loop within a minute before the server gives up',
  }),
  maxHeapBytes: option({
    flag: 'max-heap',
    metavar: 'BYTES',
    kind: bytes(32 * MIB, 65536 * MIB, true),
    fallback: 0,
    help: "heap of each loop, which is replaced before it is full, and of each offload worker; 0 is Node's own limit",
  }),
  logBytes: option({
    flag: 'log-bytes',
    metavar: 'BYTES',
    kind: ringBytes(64 * KIB, 1024 * MIB),
    fallback: 16 * MIB,
    help: 'size of the log that carries published messages and keeps their history',
  }),
  stateBytes: option({
    flag: 'state-bytes',
    metavar: 'BYTES',
    kind: bytes(64 * KIB, 1024 * MIB),
    fallback: 16 * MIB,
    help: 'memory for what loop.shared keeps',
  }),
  maxChannels: option({
    flag: 'max-channels',
    metavar: 'N',
    kind: integer(1, 4 * MIB),
    fallback: 128 * KIB,
    help: 'most channels at a time; those that nobody subscribes to make room for new ones',
  }),
  maxChannelsPerConnection: option({
    flag: 'max-channels-per-connection',
    metavar: 'N',
    kind: integer(1, 64 * KIB),
    fallback: 128,
    help: 'most channels that one connection may subscribe to',
  }),
  offloadWorkers: option({
    flag: 'offload-workers',
    metavar: 'N',
    kind: integer(0, 256),
    fallback: 0,
    help: 'most offload workers; they start when they are first needed; 0 is one for each core without a loop, at least 1',
  }),
  offloadQueue: option({
    flag: 'offload-queue',
    metavar: 'N',
    kind: integer(0, MIB),
    fallback: 1000,
    help: 'most tasks that wait for an offload worker, over all loops',
  }),
  adminHost: option({
    flag: 'admin-host',
    metavar: 'HOST',
    kind: hostKind,
    fallback: '127.0.0.1',
    help: 'address of the admin server; empty is all',
  }),
  adminPort: option({
    flag: 'admin-port',
    metavar: 'PORT',
    kind: orNull(integer(0, 65535)),
    fallback: null,
    help: 'port of the admin server, which is never the public one; 0 is none; left out: 9464, or none when that is taken',
  }),
  adminToken: option({
    flag: 'admin-token',
    metavar: 'TOKEN',
    kind: tokenKind,
    fallback: null,
    help: 'bearer token that changes through the admin server need; left out: they are allowed from this machine only',
  }),
  backplane: option({
    flag: 'backplane',
    metavar: 'URL',
    kind: engineKind,
    fallback: null,
    help: 'engine by which channels reach other nodes; without it they are those of this process',
  }),
  nodeId: option({
    flag: 'node-id',
    metavar: 'NAME',
    kind: orNull(nameKind(64)),
    fallback: null,
    help: 'what this node is called among the others, which no other may be; left out: the host name and some digits',
  }),
  backplanePrefix: option({
    flag: 'backplane-prefix',
    metavar: 'NAME',
    kind: nameKind(64),
    fallback: 'polyloop',
    help: 'what everything in the engine begins with; nodes with different ones do not hear each other',
  }),
  backplaneKey: option({
    flag: 'backplane-key',
    metavar: 'TOKEN',
    kind: tokenKind,
    fallback: null,
    help: 'secret with which nodes seal what they send, so that others who reach the engine cannot publish',
  }),
  backplaneBuffer: option({
    flag: 'backplane-buffer',
    metavar: 'BYTES',
    kind: bytes(64 * KIB, 1024 * MIB),
    fallback: 16 * MIB,
    help: 'most bytes of messages that wait while the engine is away; beyond it the oldest are dropped',
  }),
  backplaneHistory: option({
    flag: 'backplane-history',
    metavar: 'COUNT',
    kind: integer(100, 1_000_000),
    fallback: 1000,
    help: 'messages that Redis keeps of a channel for who comes back, at least; NATS keeps none',
  }),
  compression: option({
    flag: 'compression',
    metavar: '',
    kind: flagKind,
    fallback: false,
    help: 'negotiate permessage-deflate',
  }),
  logLevel: option({
    flag: 'log-level',
    metavar: 'LEVEL',
    kind: choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    fallback: 'info',
    help: 'least severe lines to log: trace, debug, info, warn, error, fatal, or silent',
  }),
} as const;

export type OptionName = keyof typeof OPTIONS;
type ValueOf<O> = O extends Option<infer T> ? T : never;

/** Every option with its value, checked and frozen. */
export type Config = { readonly [Name in OptionName]: ValueOf<(typeof OPTIONS)[Name]> };

/**
 * Options of `Server.start`; what is left out takes its default (see `docs/configuration.md`). `workers` also takes
 * `'auto'`, `app` also takes a `URL`. Times are in milliseconds, sizes in bytes.
 */
export type ServerOptions = {
  readonly [Name in Exclude<OptionName, 'app' | 'workers'>]?: Config[Name] | undefined;
} & {
  /** The app module: a path from the working directory, or a `file:` URL. Default: the built-in demo. */
  readonly app?: URL | string | null | undefined;
  /** Number of loops, or `'auto'`: one per core. Default: `'auto'`. */
  readonly workers?: number | 'auto' | undefined;
};

/** A value as somebody gave it; the label names where in messages: "--port", "PORT". */
export interface Given {
  readonly label: string;
  readonly value: unknown;
  /** The value was written as on a command line, so a bare number of a time means seconds. */
  readonly asText: boolean;
}

const camelCase = (flag: string): string =>
  flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/** Both spellings that a file or a call may use: `drainTimeoutMs`, or the flag's own name, `drainTimeout`. */
const NAMES = new Map<string, OptionName>(
  (Object.keys(OPTIONS) as OptionName[]).flatMap((name) => [
    [name, name],
    [camelCase(OPTIONS[name].flag), name],
  ]),
);

/** Reads the entries of an object (a JSON file, the argument of `Server.start`), refusing a name that does not exist. */
export function givenByObject(source: string, object: object): Map<OptionName, Given> {
  const given = new Map<OptionName, Given>();
  for (const [key, value] of Object.entries(object)) {
    const name = NAMES.get(key);
    if (name === undefined) {
      throw new ConfigError(
        `${source}: unknown option ${shownValue(key)}; known are ${Object.keys(OPTIONS).join(', ')}`,
      );
    }
    if (value !== undefined) given.set(name, { label: `${source}: ${key}`, value, asText: key !== name });
  }
  return given;
}

function readValue<T>(kind: Kind<T>, { label, value, asText }: Given, base: string): T {
  let read: unknown = value instanceof URL ? value.href : value;
  if (asText && typeof read === 'number') read = String(read);
  if (typeof read === 'string') read = kind.parse(read, base);
  if (kind.isValid(read)) return read;
  const shown = kind.isSecret ? 'the value' : shownValue(value);
  throw new ConfigError(`${label}: ${shown} is not accepted; give ${kind.accepts}`);
}

/** On one line and not too long, whatever it is. */
export function shownValue(value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(value)
      : inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY });
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}

/** Where values come from. */
export interface Source {
  readonly given: ReadonlyMap<OptionName, Given>;
  /** The directory that relative paths start from. */
  readonly base: string;
}

/** Merges the sources, first wins, and checks every value that is used. Throws `ConfigError`. */
export function resolveConfig(sources: readonly Source[]): Config {
  const config: Record<string, unknown> = {};
  for (const name of Object.keys(OPTIONS) as OptionName[]) {
    const { kind, fallback } = OPTIONS[name] as Option<unknown>;
    const source = sources.find(({ given }) => given.has(name));
    const given = source?.given.get(name);
    if (source && given) config[name] = readValue(kind, given, source.base);
    else config[name] = typeof fallback === 'function' ? fallback() : fallback;
  }
  const resolved = config as Config;
  if (resolved.accept === 'reuseport' && process.platform !== 'linux') {
    throw new ConfigError('--accept: reuseport needs Linux; give primary');
  }
  const { port, adminPort } = resolved;
  if (adminPort !== null && adminPort !== 0 && adminPort === port)
    throw new ConfigError(`--admin-port: ${adminPort} is the port of the server itself; give another one`);
  const { tlsCert, tlsKey, tlsSni } = resolved;
  if (tlsCert === null && tlsKey !== null) throw new ConfigError('--tls-key: needs --tls-cert too');
  if (tlsCert !== null && tlsKey === null) throw new ConfigError('--tls-cert: needs --tls-key too');
  if (tlsSni !== null && tlsCert === null)
    throw new ConfigError('--tls-sni: needs --tls-cert and --tls-key too, for clients that name no server');
  return Object.freeze(resolved);
}

/** The config of a `Server.start` call. Relative paths start from the working directory. */
export function configOf(options: ServerOptions): Config {
  return resolveConfig([{ given: givenByObject('Server.start', options), base: process.cwd() }]);
}

/** Path of an app module for messages. */
export function shownPath(moduleUrl: string): string {
  return fileURLToPath(moduleUrl);
}
