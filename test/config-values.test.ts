/** How values are read from text: each kind of option by itself. Undefined is "not accepted". */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configOf, OPTIONS, type OptionName } from '../src/config.ts';
import { ConfigError } from '../src/errors.ts';

const BASE = '/base';
const read = (name: OptionName, text: string): unknown => OPTIONS[name].kind.parse(text, BASE);

describe('a time', () => {
  it.each([
    ['5', 5000],
    ['5s', 5000],
    ['500ms', 500],
    ['1.5s', 1500],
    ['4.1s', 4100],
    ['0.5m', 30_000],
    ['2m', 120_000],
  ])('is read in milliseconds: %s', (text, ms) => {
    expect(read('drainTimeoutMs', text)).toBe(ms);
  });

  it('is exact to the millisecond when it is written as seconds with a fraction', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 3_600_000 }), (ms) => {
        expect(read('drainTimeoutMs', (ms / 1000).toFixed(3))).toBe(ms);
      }),
      { numRuns: 1000 },
    );
  });

  it('may be 0 only where that means never', () => {
    expect(read('idleTimeoutMs', '0')).toBe(0);
    expect(read('drainTimeoutMs', '0')).toBeUndefined();
  });

  it.each(['', ' 5', '5 s', '-5', '1h', '5S', '1e3', '.5', '0.0005s', '3601', '3600001ms', 'Infinity'])(
    'is not accepted as "%s"',
    (text) => {
      expect(read('drainTimeoutMs', text)).toBeUndefined();
    },
  );
});

describe('a size', () => {
  it('is the same number in bytes, KiB and MiB', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 256 }), (mib) => {
        const bytes = mib * 1024 * 1024;
        for (const text of [`${bytes}`, `${bytes / 1024}KiB`, `${mib}MiB`, `${mib}mib`])
          expect(read('maxPayload', text)).toBe(bytes);
      }),
    );
  });

  it.each(['', '0', '64KB', '64K', '1.5MiB', '-1', '0x10', '1GiB', '257MiB'])(
    'is not accepted as "%s"',
    (text) => {
      expect(read('maxPayload', text)).toBeUndefined();
    },
  );
});

describe('a whole number', () => {
  it('is accepted from its least to its greatest value, and nothing beside them', () => {
    fc.assert(
      fc.property(fc.integer({ min: -10, max: 70_000 }), (port) => {
        expect(read('port', String(port))).toBe(port >= 0 && port <= 65_535 ? port : undefined);
      }),
    );
    expect([0, 65_535, 65_536].map((port) => read('port', String(port)))).toEqual([0, 65_535, undefined]);
  });

  it.each(['', ' 80', '80 ', '8e1', '80.0', '+80', '٨٠'])('is not accepted as "%s"', (text) => {
    expect(read('port', text)).toBeUndefined();
  });

  it('may be auto for the number of loops, which is one per core', () => {
    expect(read('workers', 'auto')).toBe(availableParallelism());
    expect(configOf({ workers: 'auto' }).workers).toBe(availableParallelism());
    expect(read('workers', 'all')).toBeUndefined();
  });
});

describe('an app', () => {
  const file = pathToFileURL('/base/apps/chat.js').href;

  it('starts from the directory of its source when it is a relative path', () => {
    expect(read('app', 'apps/chat.js')).toBe(file);
    expect(configOf({ app: 'chat.js' }).app).toBe(pathToFileURL(resolve('chat.js')).href);
  });

  it('is the same as a path, as a URL and as the text of a URL', () => {
    for (const app of ['/base/apps/chat.js', new URL(file), file]) expect(configOf({ app }).app).toBe(file);
  });

  it.each(['https://example.com/app.js', 'data:text/javascript,0'])(
    'is refused when it is a URL that is not of a file: %s',
    (url) => {
      expect(() => configOf({ app: new URL(url) })).toThrow(ConfigError);
    },
  );

  it.each(['', 'file://elsewhere/app.js', 'file:///a%2Fb.js'])(
    'is refused when it names no file of this machine: "%s"',
    (app) => {
      expect(() => configOf({ app })).toThrow(ConfigError);
    },
  );
});

describe('other values', () => {
  it.each(['', '::', '::1', 'fe80::1%eth0', '127.0.0.1', 'localhost', 'a-b.example'])(
    'are accepted as a host: "%s"',
    (host) => {
      expect(read('host', host)).toBe(host);
    },
  );

  it.each(['a b', 'http://localhost', '[::1]', 'a'.repeat(256)])(
    'are not accepted as a host: "%s"',
    (host) => {
      expect(read('host', host)).toBeUndefined();
    },
  );

  it('turn a switch on when it is bare or true, and off when it is false', () => {
    expect(['', 'true', 'false', 'yes', '1'].map((text) => read('compression', text))).toEqual([
      true,
      true,
      false,
      undefined,
      undefined,
    ]);
  });

  it('are accepted for a choice as they are written, and in no other case', () => {
    const levels = ['debug', 'DEBUG', 'debug ', 'constructor', ''];
    expect(levels.map((text) => read('logLevel', text))).toEqual([
      'debug',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
