/** What can be measured: Polyloop, and what people would use instead. */
import { existsSync, readFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { type EngineName, engineVersion, missingEngine } from './engines.ts';
import type { DialectName } from './generator/dialect.ts';
import { at, type Command } from './server-process.ts';

/** What a scenario asks of a server: the paths that load/servers/polyloop.js has. */
export type Ability =
  | 'echo'
  | 'text'
  | 'upgrade'
  | 'refuse'
  | 'idle'
  | 'channel'
  | 'nodes'
  | 'chat'
  | 'burn'
  | 'history'
  | 'http'
  | 'app'
  | 'state'
  | 'offload';

export interface Target {
  readonly name: string;
  readonly about: string;
  /** Threads or processes that serve connections. */
  readonly loops: number;
  readonly dialect: DialectName;
  readonly can: readonly Ability[];
  readonly command: Command;
  /** Of two nodes, what they speak through: the command is that of a node, and its last argument, the engine's URL, is yet to come. */
  readonly engine?: EngineName;
  /** For the record: `ws 8.23.0`. */
  version(): string;
  /** A file that is there when it is installed. */
  readonly needs?: string;
}

const ALL_CAN: readonly Ability[] = ['echo', 'text', 'upgrade', 'refuse', 'idle', 'channel', 'chat', 'http'];
const node = (file: string, ...args: string[]): Command => ({
  file: process.execPath,
  args: [at(file), ...args],
});

const packageVersion = (folder: string): string => {
  const { version } = JSON.parse(readFileSync(at(`${folder}/package.json`), 'utf8')) as { version: string };
  return version;
};
const uwsVersion = (): string => `uWebSockets.js ${packageVersion('../node_modules/uWebSockets.js')}`;
/** The peers' own, or else the one that Polyloop's client uses. */
const wsVersion = (): string => {
  const own = 'peers/node_modules/ws';
  return `ws ${packageVersion(existsSync(at(own)) ? own : '../node_modules/ws')}`;
};

/** Round robin, so that the members of a channel alternate between the loops. */
const POLYLOOP_OPTIONS = [
  '--host',
  '127.0.0.1',
  '--port',
  '0',
  '--admin-port',
  '0',
  '--placement',
  'round-robin',
];

/** The built server with an app of load/servers. */
export const polyloop = (app: string, workers: number, ...options: string[]): Command =>
  node(
    '../dist/server.js',
    ...POLYLOOP_OPTIONS,
    ...['--workers', String(workers), '--app', at(`servers/${app}`), '--log-level', 'info'],
    ...options,
  );

const polyloopVersion = (): string => `polyloop ${packageVersion('..')}`;
const socketIoVersion = (): string => `socket.io ${packageVersion('peers/node_modules/socket.io')}`;

/** Two nodes of Polyloop, one loop each. */
const polyloopOn = (engine: EngineName, title: string): Target => ({
  name: `polyloop-${engine}`,
  about: `Polyloop on two nodes of one loop, over ${title}`,
  loops: 1,
  dialect: 'plain',
  can: ['nodes'],
  command: polyloop('polyloop.js', 1, '--backplane'),
  engine,
  version: () => `${polyloopVersion()}, ${engineVersion(engine)}`,
});

const POLYLOOP_CAN: readonly Ability[] = [...ALL_CAN, 'burn', 'history', 'app', 'state', 'offload'];
const BUN = `peers/node_modules/@oven/bun-${platform()}-${arch() === 'arm64' ? 'aarch64' : arch()}/bin/bun`;
const REDIS_ADAPTER = 'peers/node_modules/@socket.io/redis-adapter';
const TWO = '2';

export const TARGETS: readonly Target[] = [
  {
    name: 'polyloop',
    about: 'Polyloop, one loop',
    loops: 1,
    dialect: 'plain',
    can: POLYLOOP_CAN,
    command: polyloop('polyloop.js', 1),
    version: polyloopVersion,
  },
  {
    name: 'polyloop-2',
    about: 'Polyloop, two loops',
    loops: 2,
    dialect: 'plain',
    can: POLYLOOP_CAN,
    command: polyloop('polyloop.js', 2),
    version: polyloopVersion,
  },
  {
    name: 'polyloop-reuseport',
    about: 'Polyloop, one loop that accepts by itself (`--accept reuseport`)',
    loops: 1,
    dialect: 'plain',
    can: ['upgrade'],
    command: polyloop('polyloop.js', 1, '--accept', 'reuseport'),
    version: polyloopVersion,
  },
  {
    name: 'uws',
    about: 'uWebSockets.js itself, one thread',
    loops: 1,
    dialect: 'plain',
    can: [...ALL_CAN, 'burn'],
    command: node('servers/uws.js'),
    version: uwsVersion,
  },
  {
    name: 'uws-relay',
    about: 'uWebSockets.js on two threads that post each message to each other',
    loops: 2,
    dialect: 'plain',
    can: [...ALL_CAN, 'burn'],
    command: node('servers/uws-relay.js', TWO),
    version: uwsVersion,
  },
  {
    name: 'ws',
    about: 'ws, one process',
    loops: 1,
    dialect: 'plain',
    can: ALL_CAN,
    command: node('peers/ws.js'),
    version: wsVersion,
  },
  {
    name: 'ws-cluster',
    about: 'ws on two processes of node:cluster, with a relay through the primary',
    loops: 2,
    dialect: 'plain',
    can: ALL_CAN,
    command: node('peers/ws-cluster.js', TWO),
    version: wsVersion,
  },
  {
    name: 'socket.io',
    about: 'Socket.IO on two processes with its cluster adapter, its own protocol over WebSocket',
    loops: 2,
    dialect: 'socket.io',
    can: ['echo', 'upgrade', 'idle', 'channel'],
    command: node('peers/socket-io.js', TWO),
    version: socketIoVersion,
    needs: 'peers/node_modules/@socket.io/cluster-adapter/package.json',
  },
  {
    name: 'bun',
    about: "Bun's own server, one thread",
    loops: 1,
    dialect: 'plain',
    can: ALL_CAN,
    command: { file: at(BUN), args: [at('peers/bun.js')] },
    version: () => `bun ${packageVersion(BUN.replace('/bin/bun', ''))}`,
    needs: BUN,
  },
  polyloopOn('redis', 'Redis'),
  polyloopOn('nats', 'NATS'),
  {
    name: 'socket.io-redis',
    about: 'Socket.IO on two processes with its Redis adapter, its own protocol over WebSocket',
    loops: 1,
    dialect: 'socket.io',
    can: ['nodes'],
    command: node('peers/socket-io-redis.js'),
    engine: 'redis',
    version: () =>
      `${socketIoVersion()}, redis-adapter ${packageVersion(REDIS_ADAPTER)}, ${engineVersion('redis')}`,
    needs: `${REDIS_ADAPTER}/package.json`,
  },
];

/** Those that can run here; for the others, one line that says what would help. */
export function installed(targets: readonly Target[]): Target[] {
  return targets.filter(({ name, needs, engine }) => {
    const isThere = needs === undefined || existsSync(at(needs));
    const missing = isThere
      ? engine && missingEngine(engine)
      : 'it needs "npm ci" in load/peers, on a system that it is made for';
    if (missing !== undefined) process.stderr.write(`${name} is left out: ${missing}\n`);
    return missing === undefined;
  });
}

export function targetNamed(name: string): Target {
  const target = TARGETS.find((one) => one.name === name);
  if (target) return target;
  process.stderr.write(`no target "${name}"; there are ${TARGETS.map((one) => one.name).join(', ')}\n`);
  process.exit(2);
}
