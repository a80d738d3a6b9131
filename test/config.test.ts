import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCommand } from '../src/command-line.ts';
import {
  type Config,
  configOf,
  type Given,
  givenByObject,
  OPTIONS,
  type OptionName,
  resolveConfig,
  type ServerOptions,
} from '../src/config.ts';
import { ConfigError } from '../src/errors.ts';
import { codeSpans, markdownTable } from './harness/markdown-table.ts';

const NAMES = Object.keys(OPTIONS) as OptionName[];

/** Values as a person writes them: flags, environment. */
function fromText(values: Partial<Record<OptionName, string>>, base = '/base'): Config {
  const given = new Map<OptionName, Given>();
  for (const [name, value] of Object.entries(values) as [OptionName, string][])
    given.set(name, { label: `--${OPTIONS[name].flag}`, value, asText: true });
  return resolveConfig([{ given, base }]);
}

const fromFile = (content: object): Config =>
  resolveConfig([{ given: givenByObject('app.json', content), base: '/base' }]);

describe('a config', () => {
  it('has every option, each with its default, when nothing is given', () => {
    const config = configOf({});
    expect(Object.keys(config)).toEqual(NAMES);
    for (const name of NAMES) {
      const { fallback } = OPTIONS[name];
      expect(config[name]).toBe(typeof fallback === 'function' ? fallback() : fallback);
    }
  });

  it('has defaults that each option itself accepts', () => {
    const defaults = configOf({});
    for (const name of NAMES) expect(OPTIONS[name].kind.isValid(defaults[name])).toBe(true);
  });

  it('is frozen', () => {
    expect(Object.isFrozen(configOf({}))).toBe(true);
  });

  it('takes each value from the first source that gives it', () => {
    const source = (options: object) => ({ given: givenByObject('test', options), base: '/' });
    const config = resolveConfig([
      source({ port: 1 }),
      source({ port: 2, workers: 2 }),
      source({ workers: 3 }),
    ]);
    expect(config).toMatchObject({ port: 1, workers: 2, host: '' });
  });

  it('takes the default for what is undefined', () => {
    expect(configOf({ port: undefined, app: undefined })).toEqual(configOf({}));
  });

  it('checks no value that a more important source hides', () => {
    const hidden = { given: givenByObject('file', { port: 'nonsense' }), base: '/' };
    expect(resolveConfig([{ given: givenByObject('call', { port: 1 }), base: '/' }, hidden]).port).toBe(1);
  });
});

describe('a refusal', () => {
  it('names the option, the value and what is accepted', () => {
    expect(() => fromText({ port: 'http' })).toThrow(
      '--port: "http" is not accepted; give an integer from 0 to 65535',
    );
    expect(() => fromFile({ workers: 0 })).toThrow(
      'app.json: workers: 0 is not accepted; give auto or an integer from 1 to 256',
    );
  });

  it('names the options that exist when a name does not', () => {
    expect(() => configOf({ ports: 1 } as ServerOptions)).toThrow(/unknown option "ports"; known are app, /);
  });

  it('is a ConfigError whatever the value is', () => {
    const option = fc.constantFrom(...NAMES);
    fc.assert(
      fc.property(option, fc.anything({ withNullPrototype: true, withBigInt: true }), (name, value) => {
        try {
          configOf({ [name]: value } as ServerOptions);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      // A value that has no text form.
      { examples: [['port', Object.create(null)]] },
    );
  });

  it('is one short line when the value is long and has line breaks', () => {
    const value = 'x\n'.repeat(1000);
    let message = '';
    try {
      fromText({ port: value });
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain('--port: ');
    expect(message.length).toBeLessThan(200);
    expect(message).not.toContain('\n');
  });

  it('tells to use another way to accept where a port cannot be shared', () => {
    const platform = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
    Object.defineProperty(process, 'platform', { ...platform, value: 'darwin' });
    try {
      expect(() => fromText({ accept: 'reuseport' })).toThrow(
        '--accept: reuseport needs Linux; give primary',
      );
    } finally {
      Object.defineProperty(process, 'platform', platform);
    }
  });
});

describe('a bare number for a time', () => {
  it('is seconds where a person writes it', () => {
    expect(fromText({ drainTimeoutMs: '5' }).drainTimeoutMs).toBe(5000);
    expect(fromFile({ drainTimeout: 5 }).drainTimeoutMs).toBe(5000);
  });

  it('is milliseconds under the name that says so', () => {
    expect(configOf({ drainTimeoutMs: 500 }).drainTimeoutMs).toBe(500);
    expect(fromFile({ drainTimeoutMs: 500 }).drainTimeoutMs).toBe(500);
  });
});

describe('docs/configuration.md', () => {
  const rows = markdownTable(new URL('../docs/configuration.md', import.meta.url), 'Options');
  const environmentOf = (flag: string): string => `POLYLOOP_${flag.replaceAll('-', '_').toUpperCase()}`;

  it('has one row for every option, in the order of the table in the code', () => {
    expect(rows.map(([flag]) => flag)).toEqual(NAMES.map((name) => `\`--${OPTIONS[name].flag}\``));
  });

  it.each(NAMES)('says of %s what the code says', (name) => {
    const { flag, kind, fallback, help } = OPTIONS[name];
    const [, environment, key, accepts, standard = '', meaning] =
      rows.find(([cell]) => cell === `\`--${flag}\``) ?? [];
    expect({ environment, key, accepts, meaning }).toEqual({
      environment: `\`${environmentOf(flag)}\`${name === 'port' ? ', `PORT`' : ''}`,
      key: `\`${name}\``,
      accepts: kind.accepts,
      meaning: help,
    });
    const value = typeof fallback === 'function' ? fallback() : fallback;
    const [written] = codeSpans(standard);
    if (written === undefined) expect([null, '', false]).toContain(value);
    else expect(kind.parse(written, '/')).toBe(value);
  });

  it.each(NAMES)('names an environment variable that the command reads for %s', (name) => {
    const variable = environmentOf(OPTIONS[name].flag);
    const command = () => readCommand([], { [variable]: ' ' }, '/');
    // A blank is a value that only a path may have.
    if (name === 'app') expect(command()).toMatchObject({ config: { app: 'file:///%20' } });
    else expect(command).toThrow(`${variable}: `);
  });
});
