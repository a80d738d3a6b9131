import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as errors from '../src/errors.ts';
import { ERROR_CODES, type ErrorCode, PolyloopError } from '../src/errors.ts';

const cause = new Error('the cause');

/** One of each. The type makes this list complete. */
const ERRORS: Record<ErrorCode, PolyloopError> = {
  CONFIG_INVALID: new errors.ConfigError('about "x"', { cause }),
  FILE_UNREADABLE: new errors.FileError('about "x"', { cause }),
  APP_LOAD_FAILED: new errors.AppLoadError('/x/app.js', { detail: 'no such thing', cause }),
  LISTEN_FAILED: new errors.ListenError('about "x"', { cause }),
  LOOP_FAILED: new errors.LoopError('about "x"', { cause }),
  ROUTE_INVALID: new errors.RouteError('about "x"'),
  UPGRADE_CONTRACT: new errors.UpgradeContractError('about "x"'),
  SHARED_TYPE: new errors.SharedTypeError('about "x"'),
  SHARED_MEMORY_FULL: new errors.SharedMemoryFullError('about "x"'),
  MUTEX_TIMEOUT: new errors.MutexTimeoutError('about "x"'),
  OFFLOAD_QUEUE_FULL: new errors.OffloadQueueFullError('about "x"'),
  OFFLOAD_TIMEOUT: new errors.OffloadTimeoutError('about "x"'),
  OFFLOAD_WORKER_FAILED: new errors.OffloadWorkerError('about "x"'),
  CONNECT_INVALID: new errors.ConnectError('CONNECT_INVALID', 'about "x"', { cause }),
  CONNECT_DNS: new errors.ConnectError('CONNECT_DNS', 'about "x"', { cause }),
  CONNECT_REFUSED: new errors.ConnectError('CONNECT_REFUSED', 'about "x"', { cause }),
  CONNECT_TLS: new errors.ConnectError('CONNECT_TLS', 'about "x"', { cause }),
  CONNECT_TIMEOUT: new errors.ConnectError('CONNECT_TIMEOUT', 'about "x"', { cause }),
  CONNECT_PROTOCOL: new errors.ConnectError('CONNECT_PROTOCOL', 'about "x"', { cause }),
  CONNECT_FAILED: new errors.ConnectError('CONNECT_FAILED', 'about "x"', { cause }),
  UPGRADE_REJECTED: new errors.UpgradeRejectedError('ws://x/', { statusCode: 403, headers: {} }, 'no'),
};

describe.each(ERROR_CODES)('the error with the code %s', (code) => {
  const error = ERRORS[code];

  it('carries its code and the name of its class', () => {
    expect(error.code).toBe(code);
    expect(error.name).toBe(error.constructor.name);
    expect(`${error}`).toMatch(`${error.name}: ${error.message}`);
  });

  it('is a PolyloopError, and has a class of its own, or that of its kind', () => {
    expect(error).toBeInstanceOf(PolyloopError);
    expect(error).toBeInstanceOf(Error);
    const sameClass = Object.values(ERRORS).filter((other) => other.constructor === error.constructor);
    const kind = error instanceof errors.ConnectError ? /^CONNECT_/ : new RegExp(`^${code}$`);
    expect(sameClass.map(({ code }) => code)).toEqual(ERROR_CODES.filter((code) => kind.test(code)));
  });

  it('has a section in docs/errors.md that names its class and says when and what to do', () => {
    expect(SECTIONS.get(code)).toMatch(new RegExp(`^\`${error.name}\`, .*\nWhen: .*\nWhat to do: `, 's'));
  });
});

const SECTIONS = new Map(
  readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8')
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0], section.slice(section.indexOf('\n')).trim()]),
);

it('keeps the codes in docs/errors.md and in the code the same, in the same order', () => {
  expect([...SECTIONS.keys()]).toEqual([...ERROR_CODES]);
});

it('has no class of error without a code', () => {
  const classes = Object.values(errors).filter((value) => typeof value === 'function');
  const inUse = Object.values(ERRORS).map((error) => error.constructor);
  expect(new Set(classes)).toEqual(new Set([PolyloopError, ...inUse]));
});

it('keeps the cause where one is given', () => {
  const withCause = Object.values(ERRORS).filter((error) => error.cause !== undefined);
  expect(withCause.map(({ code }) => code)).toEqual([
    ...ERROR_CODES.slice(0, 5),
    ...ERROR_CODES.filter((code) => code.startsWith('CONNECT_')),
  ]);
  for (const error of withCause) expect(error.cause).toBe(cause);
});

it('names the file and the detail when an app module cannot be loaded', () => {
  const error = new errors.AppLoadError('/x/app.js', { detail: 'no such thing' });
  expect(error.message).toBe('cannot load app module /x/app.js: no such thing');
  expect(error.file).toBe('/x/app.js');
});
