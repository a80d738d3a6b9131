/** The kinds of values that options have: what is accepted, how text of a person becomes it, and how it is recognised. */
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseEngine } from './engine-url.ts';
import { normalNetworks } from './networks.ts';
import { normalOrigins } from './origin.ts';

/** How one kind of value is read from text (flag, environment, file) and recognised as a value (library, JSON). */
export interface Kind<T> {
  /** What a user sees when a value is refused: "an integer from 1 to 256". */
  readonly accepts: string;
  /** Text as given by a person; `base` is the directory that relative paths start from. Undefined when not accepted. */
  parse(text: string, base: string): T | undefined;
  isValid(value: unknown): value is T;
  /** A value that no message and no list may repeat. */
  readonly isSecret?: boolean;
}

const SECOND = 1000;
const KIB = 1024;
const MIB = 1024 * KIB;

export function integer(min: number, max: number): Kind<number> {
  const isValid = (value: unknown): value is number =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
  return {
    accepts: `an integer from ${min} to ${max}`,
    isValid,
    parse: (text) => (/^\d+$/.test(text) && isValid(Number(text)) ? Number(text) : undefined),
  };
}

export function bytes(min: number, max: number, orZero = false): Kind<number> {
  const { isValid: inRange } = integer(min, max);
  const isValid = (value: unknown): value is number => inRange(value) || (orZero && value === 0);
  const unit: Record<string, number> = { '': 1, kib: KIB, mib: MIB };
  return {
    accepts: `${orZero ? '0 (none) or ' : ''}bytes from ${min} to ${max}, as 65536, 64KiB or 1MiB`,
    isValid,
    parse: (text) => {
      const [, digits, suffix = ''] = /^(\d+)(kib|mib)?$/i.exec(text) ?? [];
      const value = Number(digits) * (unit[suffix.toLowerCase()] ?? Number.NaN);
      return isValid(value) ? value : undefined;
    },
  };
}

/** Bytes of a ring: positions in it wrap, so its size must be a power of two. */
export function ringBytes(min: number, max: number): Kind<number> {
  const { isValid: inRange, parse } = bytes(min, max);
  const isValid = (value: unknown): value is number => inRange(value) && Number.isInteger(Math.log2(value));
  return {
    accepts: `a power of two from ${min} to ${max} bytes, as 16777216, 256KiB or 16MiB`,
    isValid,
    parse: (text, base) => {
      const value = parse(text, base);
      return isValid(value) ? value : undefined;
    },
  };
}

/** Milliseconds inside the program; a person writes seconds, or a number with a unit. */
export function duration(min: number, max: number, orZero: boolean): Kind<number> {
  const { isValid: inRange } = integer(min, max);
  const isValid = (value: unknown): value is number => inRange(value) || (orZero && value === 0);
  const unit: Record<string, number> = { '': SECOND, ms: 1, s: SECOND, m: 60 * SECOND };
  return {
    accepts: `${orZero ? '0 (never) or ' : ''}a time from ${min / SECOND} to ${max / SECOND} seconds, as 10, 10s, 500ms or 2m`,
    isValid,
    parse: (text) => {
      const [, digits, suffix = ''] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
      const exact = Number(digits) * (unit[suffix] ?? Number.NaN);
      const value = Math.round(exact);
      // Decimal fractions are not exact in binary; what is not a whole millisecond is still refused.
      return Math.abs(exact - value) < 1e-6 && isValid(value) ? value : undefined;
    },
  };
}

export function choice<const T extends string>(...values: T[]): Kind<T> {
  const isValid = (value: unknown): value is T => values.includes(value as T);
  return {
    accepts: `one of ${values.join(', ')}`,
    isValid,
    parse: (text) => (isValid(text) ? text : undefined),
  };
}

export const flagKind: Kind<boolean> = {
  accepts: 'true or false',
  isValid: (value): value is boolean => typeof value === 'boolean',
  parse: (text) => (text === '' || text === 'true' ? true : text === 'false' ? false : undefined),
};

export const hostKind: Kind<string> = {
  accepts: 'a host name or an IP address of this machine; empty for all addresses',
  isValid: (value): value is string => typeof value === 'string' && /^[\w.:%-]{0,255}$/.test(value),
  parse: (text) => (hostKind.isValid(text) ? text : undefined),
};

/** Of a whole HTTP header, so printable ASCII without spaces; long enough not to be guessed. */
export const tokenKind: Kind<string | null> = {
  accepts: 'a token of 16 to 512 printable ASCII characters without spaces',
  isValid: (value): value is string | null =>
    value === null || (typeof value === 'string' && /^[!-~]{16,512}$/.test(value)),
  parse: (text) => (tokenKind.isValid(text) ? text : undefined),
  isSecret: true,
};

/** It may hold a password. */
export const engineKind: Kind<string | null> = {
  accepts:
    'nats://HOST:PORT, tls:// for NATS over TLS, redis://HOST:PORT/DATABASE or rediss:// over TLS, with USER:PASSWORD@ before the host where it is needed, and more hosts behind commas',
  isValid: (value): value is string | null =>
    value === null || (typeof value === 'string' && parseEngine(value) !== undefined),
  parse: (text) => (parseEngine(text) === undefined ? undefined : text),
  isSecret: true,
};

/** Names that are part of others, in engines and between nodes. */
export function nameKind(maxLength: number): Kind<string> {
  const isValid = (value: unknown): value is string =>
    typeof value === 'string' && value.length <= maxLength && /^[\w.-]+$/.test(value);
  return {
    accepts: `a name of 1 to ${maxLength} letters, digits, dots, dashes and underscores`,
    isValid,
    parse: (text) => (isValid(text) ? text : undefined),
  };
}

/** A value that may be left out for something else than a fixed default. */
export const orNull = <T>(kind: Kind<T>): Kind<T | null> => ({
  ...kind,
  isValid: (value): value is T | null => value === null || kind.isValid(value),
});

/** A URL that is not a file; one letter before the colon is a drive of Windows. */
const OTHER_SCHEME = /^(?!file:)[a-z][a-z\d+.-]+:/i;

/** An app module by path or `file:` URL; kept as a `file:` URL, in text, so that it can travel to the loops. */
export const moduleKind: Kind<string | null> = {
  accepts: 'the path or the file: URL of a module',
  isValid: (value): value is string | null =>
    value === null || (typeof value === 'string' && isFileUrl(value)),
  parse: (text, base) => {
    if (text === '' || text.includes('\0') || OTHER_SCHEME.test(text)) return undefined;
    return text.startsWith('file:') ? text : pathToFileURL(resolve(base, text)).href;
  },
};

function isFileUrl(text: string): boolean {
  try {
    return fileURLToPath(text) !== '';
  } catch {
    return false;
  }
}

export const originsKind: Kind<string> = {
  accepts:
    'origins as https://example.com or http://localhost:8080, separated by commas; * for any; empty for the same origin',
  isValid: (value): value is string => typeof value === 'string' && normalOrigins(value) === value,
  parse: normalOrigins,
};

const HOPS = integer(0, 32);

export const proxiesKind: Kind<number | string> = {
  accepts:
    'a number of proxies from 0 to 32, or networks as 10.0.0.0/8, 2001:db8::/32, 192.0.2.1, loopback or private, separated by commas',
  isValid: (value): value is number | string =>
    HOPS.isValid(value) || (typeof value === 'string' && normalNetworks(value) === value),
  parse: (text, base) => HOPS.parse(text, base) ?? normalNetworks(text),
};

/** A path, kept absolute, so that every thread means the same by it. */
export function pathKind(accepts: string): Kind<string | null> {
  return {
    accepts,
    isValid: (value): value is string | null =>
      value === null || (typeof value === 'string' && isAbsolute(value)),
    parse: (text, base) => (text.trim() === '' || text.includes('\0') ? undefined : resolve(base, text)),
  };
}
