/** How values are read from text: each kind of option by itself. Undefined is "not accepted". */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { availableCores } from '../src/available-cores.ts';
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
    expect(read('workers', 'auto')).toBe(availableCores());
    expect(configOf({ workers: 'auto' }).workers).toBe(availableCores());
    expect(read('workers', 'all')).toBeUndefined();
  });
});

describe('a limit', () => {
  const COUNTS = ['maxConnections', 'maxConnectionsPerIp'] as const;
  const RATES = ['upgradesPerSecond', 'messagesPerSecond', 'messagesPerSecondPerIp'] as const;

  it.each([...COUNTS, ...RATES])('is off as 0, which is its default: %s', (name) => {
    expect([configOf({})[name], read(name, '0'), configOf({ [name]: 0 })[name]]).toEqual([0, 0, 0]);
  });

  it.each([
    ...COUNTS.map((name) => [name, 2 ** 24] as const),
    ...RATES.map((name) => [name, 2 ** 20] as const),
  ])('is accepted up to its greatest value and not above: %s', (name, greatest) => {
    expect([read(name, `${greatest}`), read(name, `${greatest + 1}`)]).toEqual([greatest, undefined]);
  });

  it.each([...COUNTS, ...RATES])('is refused when it is no whole number from 0: %s', (name) => {
    for (const value of [
      -1,
      0.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 53,
      '10/s',
      '',
      [10],
      true,
      null,
    ])
      expect(() => configOf({ [name]: value } as object)).toThrow(
        new RegExp(`${name}: .* give an integer from 0 to`),
      );
  });

  it('of a time is never for a lifetime of 0, and always bounded for a handshake', () => {
    expect([read('maxLifetimeMs', '0'), read('maxLifetimeMs', '1s'), read('maxLifetimeMs', '999ms')]).toEqual(
      [0, 1000, undefined],
    );
    expect([read('maxLifetimeMs', '604800'), read('maxLifetimeMs', '604801')]).toEqual([
      604_800_000,
      undefined,
    ]);
    expect([read('handshakeTimeoutMs', '0'), read('handshakeTimeoutMs', '99ms')]).toEqual([
      undefined,
      undefined,
    ]);
    expect([read('handshakeTimeoutMs', '100ms'), read('handshakeTimeoutMs', '3601')]).toEqual([
      100,
      undefined,
    ]);
  });
});

describe('the offload pool', () => {
  it.each([
    ['offloadWorkers', 256],
    ['offloadQueue', 2 ** 20],
  ] as const)('is accepted up to its greatest value and not above: %s', (name, greatest) => {
    expect([read(name, '0'), read(name, `${greatest}`), read(name, `${greatest + 1}`)]).toEqual([
      0,
      greatest,
      undefined,
    ]);
    for (const text of ['', '-1', '1.5', 'auto', 'Infinity', '1e3', '9'.repeat(400)])
      expect(read(name, text)).toBeUndefined();
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

describe('TLS files', () => {
  it('start from the directory of their source when they are relative paths', () => {
    for (const name of ['tlsCert', 'tlsKey', 'tlsSni'] as const)
      expect(read(name, 'tls/x')).toBe('/base/tls/x');
  });

  it('may be left out, together', () => {
    expect(configOf({ tlsCert: null, tlsKey: null, tlsSni: null })).toEqual(configOf({}));
  });

  it('are refused when one of certificate and key is missing, or both for more names', () => {
    expect(() => configOf({ tlsCert: '/x' })).toThrow('--tls-cert: needs --tls-key too');
    expect(() => configOf({ tlsKey: '/x' })).toThrow('--tls-key: needs --tls-cert too');
    expect(() => configOf({ tlsSni: '/x' })).toThrow('--tls-sni: needs --tls-cert and --tls-key too');
  });
});

describe('trusted proxies', () => {
  it('are a number, or a list of networks, as text and as a value', () => {
    expect(['0', '2', '32'].map((text) => read('trustProxy', text))).toEqual([0, 2, 32]);
    expect(read('trustProxy', '10.0.0.0/8, Loopback')).toBe('10.0.0.0/8,loopback');
    expect([configOf({ trustProxy: 2 }), configOf({ trustProxy: '2' })].map((c) => c.trustProxy)).toEqual([
      2, 2,
    ]);
  });

  it.each(['33', '-1', '1.5', '', 'true', 'all', '0.0.0.0/0'])('are not accepted as "%s"', (text) => {
    expect(read('trustProxy', text)).toBeUndefined();
  });
});

it('keeps each origin in its one spelling', () => {
  expect(configOf({ origins: 'https://A.example:443, null' }).origins).toBe('https://a.example,null');
});

it('is plain data that another thread can be given', () => {
  const config = configOf({ origins: 'https://a.example', trustProxy: 'private' });
  expect(structuredClone(config)).toEqual(config);
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
