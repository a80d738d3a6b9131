/** Holds docker/compose.cluster.yaml and docker/haproxy.cfg to the options of the server, and to each other. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCommand } from '../../src/command-line.ts';
import { type Config, OPTIONS } from '../../src/config.ts';
import { type Engine, parseEngine } from '../../src/engine-url.ts';
import { COMPOSE, filledIn, HAPROXY, NODES, SERVICES } from '../harness/cluster-files.ts';
import { findProgram } from '../harness/reverse-proxy.ts';

const DOCKER = new URL('../../docker/', import.meta.url);
const VARIABLES = Object.values(OPTIONS).map(
  ({ flag }) => `POLYLOOP_${flag.replaceAll('-', '_').toUpperCase()}`,
);
/** The lines at the top that say how it is started: variables, and the services that are named. */
const COMMANDS = Array.from(
  COMPOSE.matchAll(/^# {3}(\w+): +(?:POLYLOOP_BACKPLANE=(\S+) )?docker compose -f (\S+) up --build(.*)$/gm),
  ([, engine = '', url = '', file = '', services = '']) => ({ engine, url, file, services: services.trim() }),
);

const haproxy = findProgram('haproxy');
if (haproxy === undefined) console.log('skipped: there is no haproxy here');

/** The options of a node. Throws for one that is not accepted. */
function configOf(name: string, given: NodeJS.ProcessEnv = {}): Config {
  const { command = [], environment } = SERVICES[name] ?? {};
  const read = readCommand(command, filledIn(environment, given), '/');
  if (read.run !== 'serve') throw new Error('not a server');
  return read.config;
}

function engineOf(config: Config): Engine {
  const engine = parseEngine(config.backplane ?? '');
  if (engine === undefined) throw new Error(`${config.backplane} is no engine`);
  return engine;
}

const configs = NODES.map(([name]) => configOf(name));
const [config = configOf('node-1')] = configs;
const seconds = (directive: string): number =>
  Number(new RegExp(`^ +${directive} (\\d+)s$`, 'm').exec(HAPROXY)?.[1]);

describe('docker/compose.cluster.yaml', () => {
  it('has three nodes that set variables that there are', () => {
    expect(NODES).toHaveLength(3);
    for (const [, { environment = {} }] of NODES)
      expect(VARIABLES).toEqual(expect.arrayContaining(Object.keys(environment)));
  });

  it('gives every node the id that its service is called by', () => {
    expect(configs.map(({ nodeId }) => nodeId)).toEqual(NODES.map(([name]) => name));
  });

  it('says how it is started with each kind of engine, and starts the one that the nodes look for', () => {
    expect(COMMANDS.map(({ file }) => file)).toEqual(COMMANDS.map(() => 'docker/compose.cluster.yaml'));
    const kinds = COMMANDS.map(({ engine, url, services }) => {
      const { kind, servers } = engineOf(configOf('node-1', { POLYLOOP_BACKPLANE: url }));
      const [host = ''] = servers[0]?.split(':') ?? [];
      expect(kind).toBe(engine.toLowerCase());
      const named = services.split(' ').filter((name) => name !== '');
      // Compose starts what is named and what that needs; or else all without a profile.
      if (named.length > 0) expect(named).toEqual([host, 'proxy']);
      else expect(SERVICES[host]?.profiles).toBeUndefined();
      expect(SERVICES[host]?.image.split(':')[0]).toBe(kind);
      return kind;
    });
    expect(kinds).toEqual(['redis', 'nats']);
    expect(SERVICES.proxy?.depends_on).toEqual(NODES.map(([name]) => name));
  });

  it('has Redis keep what it has', () => {
    expect(SERVICES.redis?.command).toEqual(['redis-server', '--appendonly', 'yes']);
    expect(SERVICES.redis?.volumes).toEqual(['redis:/data']);
  });

  it('publishes the port of the proxy and no other', () => {
    const published = Object.entries(SERVICES).filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name]) => name)).toEqual(['proxy']);
    expect(SERVICES.proxy?.ports).toEqual([`3000:${/^ +bind :(\d+)$/m.exec(HAPROXY)?.[1]}`]);
  });

  it('gives a stop more time than the drain timeout', () => {
    for (const [name, { stop_grace_period: grace = '' }] of NODES)
      expect(Number.parseInt(grace, 10) * 1000).toBeGreaterThan(configOf(name).drainTimeoutMs);
  });

  it('allows more open files than connections', () => {
    for (const [, { ulimits }] of NODES) expect(ulimits?.nofile).toBeGreaterThan(config.maxConnections);
    const maxProxied = Number(/^ +maxconn (\d+)$/m.exec(HAPROXY)?.[1]);
    expect(SERVICES.proxy?.ulimits?.nofile).toBeGreaterThan(2 * maxProxied);
  });

  it('mounts the file of the proxy, which is there', () => {
    const [from = ''] = SERVICES.proxy?.volumes?.[0]?.split(':') ?? [];
    expect(existsSync(new URL(from, DOCKER))).toBe(true);
  });
});

describe('docker/haproxy.cfg', () => {
  it('has all nodes behind it, by the port that they serve', () => {
    const servers = Array.from(HAPROXY.matchAll(/^ +server (\S+) (\S+)$/gm), ([, name, at]) => [name, at]);
    expect(servers).toEqual(NODES.map(([name]) => [name, `${name}:${config.port}`]));
  });

  it('asks the admin server of a node, which it reaches, whether that is ready', () => {
    expect(/^ +default-server check port (\d+) /m.exec(HAPROXY)?.[1]).toBe(String(config.adminPort));
    expect(config.adminHost).toBe('0.0.0.0');
    expect(HAPROXY).toContain('http-check send meth GET uri /readyz ');
  });

  it('tells the address of a client to nodes that trust one proxy', () => {
    expect(HAPROXY).toContain('http-request set-header X-Forwarded-For %[src]\n');
    expect(config.trustProxy).toBe(1);
  });

  it('outlasts the pings of the server when a client is silent', () => {
    expect(seconds('timeout tunnel') * 1000).toBeGreaterThan(config.idleTimeoutMs);
  });

  it.runIf(haproxy)('is accepted by HAProxy', () => {
    const file = fileURLToPath(new URL('haproxy.cfg', DOCKER));
    const { status, stderr } = spawnSync(haproxy ?? '', ['-c', '-f', file], { encoding: 'utf8' });
    // The names of the nodes are Docker's: they are not known here.
    const warnings = stderr.split('\n').filter((line) => line.includes('WARNING'));
    expect(warnings.filter((line) => !line.includes('could not resolve address'))).toEqual([]);
    expect({ status, stderr }).toMatchObject({ status: 0 });
  });
});
