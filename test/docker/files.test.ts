/** What the files in docker/ say of the server, held to its options and metrics. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readCommand } from '../../src/command-line.ts';
import { type Config, OPTIONS } from '../../src/config.ts';
import { METRICS } from '../../src/metrics/metrics.ts';
import { codeBlocks } from '../harness/code-block.ts';

const DOCKER = new URL('../../docker/', import.meta.url);
const files = readdirSync(DOCKER, { recursive: true, encoding: 'utf8' });
const read = (file: string): string => readFileSync(new URL(file, DOCKER), 'utf8');
const VARIABLES = Object.values(OPTIONS).map(
  ({ flag }) => `POLYLOOP_${flag.replaceAll('-', '_').toUpperCase()}`,
);

/** Of docker and buildah. */
const FLAGS_OF_DOCKER = ['cpus', 'format', 'init', 'memory', 'read-only', 'stop-timeout', 'ulimit'];

interface Service {
  environment: Record<string, string>;
  ports: string[];
  stop_grace_period: string;
  ulimits: { nofile: number };
  volumes: string[];
}
interface Probe {
  httpGet: { path: string; port: string };
}
interface Container {
  env: { name: string; value?: string }[];
  ports: { name: string; containerPort: number }[];
  startupProbe: Probe;
  readinessProbe: Probe;
  livenessProbe: Probe;
  lifecycle: { preStop: { exec: { command: string[] } } };
}
interface Workload {
  kind: string;
  spec: {
    selector: Record<string, unknown>;
    template: { spec: { terminationGracePeriodSeconds: number; containers: Container[] } };
    ports: { targetPort: string }[];
    metrics: { pods: { metric: { name: string } } }[];
  };
}

/** Every document of a YAML file; throws for what is not YAML, or says a key twice. */
function documents<T>(file: string): T[] {
  return parseAllDocuments(read(file)).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw problem;
    return document.toJS() as T;
  });
}

/** The options that these variables give. Throws for one that is not accepted. */
function configOfVariables(environment: Record<string, string>): Config {
  const command = readCommand([], environment, '/');
  if (command.run !== 'serve') throw new Error('not a server');
  return command.config;
}

const graceful = (config: Config): number => config.drainTimeoutMs / 1000;

describe('a YAML file', () => {
  it.each(files.filter((file) => /\.ya?ml$/.test(file)))('can be read: %s', (file) => {
    expect(documents(file)).not.toContain(null);
  });
});

describe('docs/deploy.md', () => {
  const page = new URL('../docs/deploy.md', DOCKER);

  it('names variables and flags that there are', () => {
    const text = readFileSync(page, 'utf8');
    const variables = Array.from(text.matchAll(/POLYLOOP_\w+/g), ([name]) => name);
    expect(variables).not.toEqual([]);
    expect(VARIABLES).toEqual(expect.arrayContaining(variables));
    const flags = Array.from(text.matchAll(/`--([a-z-]+)/g), ([, flag]) => flag);
    const known = [...Object.values(OPTIONS).map(({ flag }) => flag), ...FLAGS_OF_DOCKER];
    expect(flags).not.toEqual([]);
    expect(known).toEqual(expect.arrayContaining(flags));
  });

  it('has the adapter give a metric that there is', () => {
    const [snippet = ''] = codeBlocks(page, 'yaml');
    const { rules } = parse(snippet) as { rules: { seriesQuery: string }[] };
    const [name] = rules.map(({ seriesQuery }) => seriesQuery.replace(/\{.*$/, ''));
    expect(METRICS.map((metric) => metric.name)).toContain(name);
  });
});

describe('docker/compose.yaml', () => {
  const [compose] = documents<{ services: Record<string, Service> }>('compose.yaml');
  const server = compose?.services.server as Service;
  // What is to be filled in from the environment stays empty, which is: not set.
  const environment = Object.fromEntries(
    Object.entries(server.environment).map(([name, value]) => [name, value.replace(/\$\{\w+:-(.*)\}/, '$1')]),
  );
  const config = configOfVariables(environment);

  it('sets variables that there are', () => {
    expect(VARIABLES).toEqual(expect.arrayContaining(Object.keys(environment)));
  });

  it('publishes the port of the server and not the one of the admin server', () => {
    expect(server.ports).toEqual([`${config.port}:${config.port}`]);
  });

  it('gives a stop more time than the drain timeout', () => {
    expect(Number.parseInt(server.stop_grace_period, 10)).toBeGreaterThan(graceful(config));
  });

  it('allows more open files than connections', () => {
    expect(server.ulimits.nofile).toBeGreaterThan(config.maxConnections);
  });

  it('mounts files that there are', () => {
    for (const { volumes } of Object.values(compose?.services ?? {})) {
      for (const volume of volumes ?? []) {
        const [from = ''] = volume.split(':');
        if (from.startsWith('./')) expect(files).toContain(from.slice('./'.length));
      }
    }
  });

  it('has Prometheus scrape the port of the admin server', () => {
    const [prometheus] = documents<{
      scrape_configs: { dns_sd_configs: { names: string[]; port: number }[] }[];
    }>('prometheus/prometheus.yml');
    const [target] = prometheus?.scrape_configs[0]?.dns_sd_configs ?? [];
    expect(target).toMatchObject({ names: ['server'], port: config.adminPort });
    expect(config.adminHost).toBe('0.0.0.0');
  });
});

describe('docker/k8s.yaml', () => {
  const workloads = new Map(documents<Workload>('k8s.yaml').map((one) => [one.kind, one.spec]));
  const pod = workloads.get('Deployment')?.template.spec;
  const [container] = pod?.containers ?? [];
  if (pod === undefined || container === undefined) throw new Error('there is no container');
  const values = container.env.flatMap(({ name, value }) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const config = configOfVariables(Object.fromEntries(values));

  it('sets variables that there are', () => {
    expect(VARIABLES).toEqual(expect.arrayContaining(container.env.map(({ name }) => name)));
  });

  it('has the ports of the server', () => {
    const ports = container.ports.map(({ name, containerPort }) => [name, containerPort]);
    expect(Object.fromEntries(ports)).toEqual({ ws: config.port, admin: config.adminPort });
    expect(workloads.get('Service')?.ports.map(({ targetPort }) => targetPort)).toEqual(['ws']);
  });

  it('asks the admin server, which the kubelet reaches', () => {
    const paths = [container.startupProbe, container.readinessProbe, container.livenessProbe].map(
      ({ httpGet }) => [httpGet.port, httpGet.path],
    );
    expect(paths).toEqual([
      ['admin', '/readyz'],
      ['admin', '/readyz'],
      ['admin', '/healthz'],
    ]);
    expect(config.adminHost).toBe('0.0.0.0');
  });

  it('gives a stop more time than preStop and the drain timeout together', () => {
    const [program, seconds] = container.lifecycle.preStop.exec.command;
    expect(program).toBe('sleep');
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(seconds) + graceful(config));
  });

  it('scales by a metric that there is', () => {
    const [metric] = workloads.get('HorizontalPodAutoscaler')?.metrics ?? [];
    expect(METRICS.map(({ name }) => name)).toContain(metric?.pods.metric.name);
  });
});

describe('docker/grafana', () => {
  const dashboard = read('grafana/dashboards/polyloop.json');
  const { panels } = JSON.parse(dashboard) as {
    panels: { title: string; type: string; targets?: { expr: string }[] }[];
  };
  const charts = panels.filter(({ type }) => type !== 'row');

  it.each(charts)('shows metrics that there are: $title', ({ targets = [] }) => {
    expect(targets).not.toEqual([]);
    for (const { expr } of targets) {
      const names = Array.from(expr.matchAll(/\b(polyloop|process)_\w+/g), ([name]) => name);
      expect(names).not.toEqual([]);
      for (const name of names) {
        const isOurs = METRICS.some(
          (metric) =>
            name === metric.name || (metric.type === 'histogram' && name === `${metric.name}_bucket`),
        );
        expect(isOurs || name === 'process_resident_memory_bytes', name).toBe(true);
      }
    }
  });

  it('has the data source that the dashboard asks', () => {
    const [provisioned] = documents<{ datasources: { uid: string }[] }>(
      'grafana/provisioning/datasources/prometheus.yaml',
    );
    const uids = new Set(
      Array.from(dashboard.matchAll(/"type": "prometheus",\s+"uid": "(\w+)"/g), ([, uid]) => uid),
    );
    expect([...uids]).toEqual(provisioned?.datasources.map(({ uid }) => uid));
  });
});

describe('docker/Dockerfile', () => {
  const dockerfile = read('Dockerfile');

  it('exposes the ports of the server', () => {
    const [, ports] = /^EXPOSE (.+)$/m.exec(dockerfile) ?? [];
    expect(ports?.split(' ').map(Number)).toEqual([OPTIONS.port.fallback, 9464]);
  });

  it('copies what .dockerignore lets through and nothing else', () => {
    const ignored = readFileSync(fileURLToPath(new URL('../.dockerignore', DOCKER)), 'utf8');
    const passed = Array.from(ignored.matchAll(/^!(.+)$/gm), ([, path]) => path);
    const copied = Array.from(dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm), ([, paths = '']) =>
      paths.split(' '),
    ).flat();
    expect(copied.toSorted()).toEqual(passed.toSorted());
  });
});
