/** What docker/compose.cluster.yaml and docker/haproxy.cfg say, for tests that hold it to the code or run it without containers. */
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';

export interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly profiles?: readonly string[];
  readonly depends_on?: readonly string[];
  readonly ulimits?: { readonly nofile: number };
  readonly stop_grace_period?: string;
}

const read = (file: string): string => readFileSync(new URL(`../../docker/${file}`, import.meta.url), 'utf8');

export const COMPOSE = read('compose.cluster.yaml');
export const HAPROXY = read('haproxy.cfg');
export const SERVICES = parseServices(COMPOSE);
/** Those that run the server, by name. */
export const NODES = Object.entries(SERVICES).filter(([, { image }]) => image === 'polyloop');

function parseServices(text: string): Readonly<Record<string, Service>> {
  const document = parseDocument(text, { merge: true });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw problem;
  return (document.toJS() as { services: Record<string, Service> }).services;
}

/** Variables as compose fills them in: `${NAME:-DEFAULT}` by what is given, or else by its default. */
export function filledIn(
  environment: Readonly<Record<string, string>> = {},
  given: NodeJS.ProcessEnv = {},
): Record<string, string> {
  const fill = (value: string): string =>
    value.replace(/\$\{(\w+):-(.*?)\}/g, (_, name: string, fallback: string) => given[name] || fallback);
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, fill(value)]));
}
