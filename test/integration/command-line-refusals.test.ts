import { expect, test } from 'vitest';
import { type Outcome, runCommand } from '../harness/command.ts';
import { temporaryFile } from '../harness/temporary-file.ts';

/** For each option values that are not accepted, and words from what is. */
const REFUSED: [flag: string, values: string[], accepts: string[]][] = [
  ['app', ['', 'file://elsewhere/app.js'], ['path', 'file: URL']],
  ['workers', ['0', '257', '1.5', 'many'], ['auto', '1 to 256']],
  ['host', ['a b', 'http://localhost'], ['host name', 'IP address']],
  ['port', ['65536', '-1', '80x', ''], ['0 to 65535']],
  ['accept', ['secondary'], ['primary', 'reuseport']],
  ['placement', ['random'], ['least-connections', 'round-robin']],
  ['tls-cert', ['', ' '], ['path', 'certificate', 'PEM']],
  ['tls-key', ['', ' '], ['path', 'private key', 'PEM']],
  ['tls-sni', ['', ' '], ['path', 'NAME.crt', 'NAME.key']],
  [
    'origins',
    ['example.com', 'https://*.example.com', 'https://a.example/path'],
    ['https://example.com', '*'],
  ],
  [
    'trust-proxy',
    ['-1', '33', '10.0.0.0/33', '0.0.0.0/0', 'everybody'],
    ['0 to 32', '10.0.0.0/8', 'loopback'],
  ],
  ['max-payload', ['0', '64KB', '1e3', '257MiB'], ['bytes', '64KiB', '1MiB']],
  ['max-backpressure', ['1', '-1KiB'], ['bytes', '64KiB', '1MiB']],
  ['idle-timeout', ['7', '961', '10h'], ['0 (never)', '500ms', '2m']],
  ['drain-timeout', ['0', '99ms', '2 s', 'soon'], ['seconds', '500ms', '2m']],
  ['compression', ['yes'], ['true or false']],
  ['log-level', ['loud', 'INFO'], ['debug', 'silent']],
];

function expectRefusal(outcome: Outcome, ...words: string[]): void {
  expect(outcome).toMatchObject({ code: 2, signal: null, stdout: '' });
  expect(outcome.errors, outcome.errors.join('\n')).toHaveLength(1);
  for (const word of words) expect(outcome.errors[0]).toContain(word);
}

test.each(REFUSED)(
  'names the flag and what it accepts when --%s has a value outside that',
  async (flag, values, accepts) => {
    for (const value of values)
      expectRefusal(await runCommand([`--${flag}=${value}`]), `--${flag}`, ...accepts);
  },
);

test.each(REFUSED)(
  'names the variable and what it accepts when %s comes from the environment',
  async (flag, values, accepts) => {
    const name = `POLYLOOP_${flag.replaceAll('-', '_').toUpperCase()}`;
    // An empty variable counts as not set.
    const [value = ''] = values.filter((candidate) => candidate !== '');
    expectRefusal(await runCommand([], { [name]: value }), name, ...accepts);
  },
);

test.each(REFUSED)(
  'names the file, the key and what it accepts when %s comes from the file',
  async (flag, values, accepts) => {
    const key = flag.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    for (const value of [...values, {}, [1]]) {
      const file = temporaryFile('polyloop.json', JSON.stringify({ [key]: value }));
      expectRefusal(await runCommand(['--config', file]), file, key, ...accepts);
    }
  },
);

test('names the option and the known ones when the option does not exist', async () => {
  for (const arg of ['--wrokers', '--Workers', '--port-', '-p', '--']) {
    expectRefusal(await runCommand([arg]), `"${arg}"`, '--workers', '--port', '--help');
  }
});

test('names the argument when it belongs to no option', async () => {
  expectRefusal(await runCommand(['app.js']), '"app.js"', '--app');
  expectRefusal(await runCommand(['--compression', 'app.js']), '"app.js"', '--app');
});

test('names the flag and what it accepts when its value is missing', async () => {
  expectRefusal(await runCommand(['--port']), '--port', '0 to 65535');
  expectRefusal(await runCommand(['--port', '--workers', '2']), '--port', '0 to 65535');
  expectRefusal(await runCommand(['--config']), '--config', 'JSON');
});

test('stays on one line when what it refuses has line breaks', async () => {
  expectRefusal(await runCommand(['--port', '80\n81']), '--port', '0 to 65535');
  expectRefusal(await runCommand(['--po\nrt']), '--workers');
  expectRefusal(
    await runCommand(['--config', temporaryFile('polyloop.json', '{"a\\nb": 1}')]),
    'unknown option',
  );
});

test('names the file and the fault when the file is not JSON', async () => {
  for (const text of ['', '{ "port": 0', '{\n  "port": 0,\n}\n', '{\n  "port": nope\n}', 'port: 0']) {
    const file = temporaryFile('polyloop.json', text);
    expectRefusal(await runCommand(['--config', file]), file, 'JSON');
  }
});

test('names the file when it holds JSON that is no object', async () => {
  for (const text of ['[]', 'null', '"port"', '3000']) {
    const file = temporaryFile('polyloop.json', text);
    expectRefusal(await runCommand(['--config', file]), file, 'object');
  }
});

test('names the key and the known ones when the file has one that does not exist', async () => {
  const file = temporaryFile('polyloop.json', '{ "port": 0, "wrokers": 2 }');
  expectRefusal(await runCommand(['--config', file]), file, '"wrokers"', 'workers', 'maxPayload');
});
