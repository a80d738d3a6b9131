/** What a server with these options would be. */
import { type Config, OPTIONS, type OptionName, type Source, shownPath } from '../../config.ts';
import { orderOf } from '../../engine-url.ts';
import type { Kind } from '../../option-kinds.ts';
import { createSharedMemory } from '../../shared/shared-memory.ts';
import type { AppOutline } from '../../workers/messages.ts';
import { plainText, shownBytes } from '../figures.ts';
import { tableLines } from '../table.ts';
import { type CertificateReport, reportCertificates } from './certificates.ts';

/** Options whose values nobody must see. */
const SECRETS: readonly OptionName[] = (Object.keys(OPTIONS) as OptionName[]).filter(
  (name) => (OPTIONS[name].kind as Kind<unknown>).isSecret,
);

/** An option that is not at its default. */
interface Choice {
  readonly option: OptionName;
  readonly value: unknown;
  readonly default: unknown;
  /** The flag, the variable, or the file and the key in it. */
  readonly from: string;
}

export interface Report extends AppOutline {
  /** Path of the app module; null for the built-in demo. */
  readonly app: string | null;
  readonly workers: number;
  readonly host: string;
  readonly port: number;
  readonly certificates: readonly CertificateReport[];
  /** Sizes of the pieces of shared memory. */
  readonly memoryBytes: Readonly<Record<string, number>>;
  readonly options: readonly Choice[];
}

export function reportOf(sources: readonly Source[], config: Config, outline: AppOutline): Report {
  const { app, workers, host, port } = config;
  const pieces = Object.entries(createSharedMemory(config, orderOf(config.backplane))).filter(
    ([, piece]) => piece.byteLength > 0,
  );
  return {
    app: app === null ? null : shownPath(app),
    workers,
    host,
    port,
    ...outline,
    certificates: reportCertificates(config),
    memoryBytes: Object.fromEntries(pieces.map(([name, { byteLength }]) => [name, byteLength])),
    options: choices(sources, config),
  };
}

function choices(sources: readonly Source[], config: Config): Choice[] {
  return (Object.keys(OPTIONS) as OptionName[]).flatMap((option) => {
    const { fallback } = OPTIONS[option];
    const standard = typeof fallback === 'function' ? fallback() : fallback;
    const given = sources.find((source) => source.given.has(option))?.given.get(option);
    if (given === undefined || config[option] === standard) return [];
    const value = SECRETS.includes(option) ? '(not shown)' : config[option];
    return [{ option, value, default: standard, from: given.label }];
  });
}

/** For people. */
export function reportText(report: Report): string {
  const { app, workers, host, port, paths, hasFetch, certificates, memoryBytes, options } = report;
  const total = Object.values(memoryBytes).reduce((sum, bytes) => sum + bytes, 0);
  const pieces = Object.entries(memoryBytes).map(([name, bytes]) => `${name} ${shownBytes(bytes)}`);
  const rows = [
    ['app', app ?? 'the built-in demo'],
    ['loops', `${workers}, and it loads on each`],
    ['address', `${host || '*'}, port ${port === 0 ? 'as the system gives it' : port}`],
    ...column('WebSocket', paths.length === 0 ? ['no path'] : paths),
    ['HTTP', hasFetch ? 'a fetch handler' : 'no handler'],
    ...column('TLS', certificates.length === 0 ? ['none'] : certificates.flatMap(certificateLines)),
    ...column('memory', [`${shownBytes(total)}, taken when first written: ${pieces.join(', ')}`]),
    ...column('options', options.length === 0 ? ['all at their defaults'] : choiceLines(options)),
  ];
  return `${tableLines(rows).map(plainText).join('\n')}\n`;
}

/** Rows with a name before the first. */
const column = (name: string, lines: readonly string[]): string[][] =>
  lines.map((line, index) => [index === 0 ? name : '', line]);

function certificateLines({ file, subject, names, validTo, warning }: CertificateReport): string[] {
  const line = `${subject} (${names || 'no names'}) until ${validTo.slice(0, 10)}: ${file}`;
  return warning === null ? [line] : [line, `WARNING: ${subject} ${warning}`];
}

const choiceLines = (options: readonly Choice[]): string[] =>
  tableLines(options.map(({ option, value, from }) => [option, JSON.stringify(value), `from ${from}`]));
