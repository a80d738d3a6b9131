import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/command-line.ts';
import { usage as bench } from '../../src/commands/bench.ts';
import { runCommand } from '../harness/command.ts';
import { codeSpans, markdownTable } from '../harness/markdown-table.ts';

const NAMES = Object.keys(COMMANDS);

test('names every command when asked for help', async () => {
  const { stdout } = await runCommand(['--help']);
  for (const [name, about] of Object.entries(COMMANDS))
    expect(stdout).toMatch(new RegExp(`  ${name} +${about}`));
});

test.each(NAMES)('prints how %s is used and nothing else when it is asked for help', async (name) => {
  const { code, stdout, errors } = await runCommand([name, '--help']);
  expect({ code, errors }).toEqual({ code: 0, errors: [''] });
  expect(stdout).toContain(`Usage: polyloop ${name} `);
  expect(stdout).toContain('  --help ');
});

test.each(NAMES)('refuses an option of %s in one line when it does not exist', async (name) => {
  const { code, stdout, errors } = await runCommand([name, 'argument', '--no-such-option']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(errors).toHaveLength(1);
});

test('has every command, and every flag of bench, in its document', () => {
  const document = new URL('../../docs/commands.md', import.meta.url);
  const commands = markdownTable(document, 'Commands').map(([synopsis = '']) => synopsis.split(' ')[1]);
  expect(commands).toEqual(NAMES);
  const flags = markdownTable(document, 'bench').map(([flag = '', fallback]) => [
    codeSpans(flag)[0],
    fallback,
  ]);
  expect(flags).toEqual(
    Object.entries(bench.flags).map(([name, { metavar, ...flag }]) => [
      `--${name} ${metavar}`.trimEnd(),
      'shown' in flag ? flag.shown : '',
    ]),
  );
});

test('names the commands in one line when a command does not exist', async () => {
  const { code, stdout, errors } = await runCommand(['serv', '--port', '0']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(errors).toEqual([expect.stringContaining(`"serv"; known are ${NAMES.join(', ')}`)]);
});

test.each([
  ['top', ['top', 'ftp://127.0.0.1'], 'http://127.0.0.1:9464'],
  ['top', ['top', 'http://127.0.0.1', 'more'], '"more"'],
  ['bench', ['bench'], 'URL'],
  ['bench', ['bench', 'http://127.0.0.1'], 'ws://127.0.0.1:3000/echo'],
  ['bench', ['bench', 'ws://127.0.0.1', '--connections', '0'], '1 to 50000'],
  ['bench', ['bench', 'ws://127.0.0.1', '--duration', '10h'], '500ms'],
  ['bench', ['bench', 'ws://127.0.0.1', '--size', '19'], '1MiB'],
  ['bench', ['bench', 'ws://127.0.0.1', '--in-flight', '1.5'], '--in-flight'],
  ['check', ['check', '--port', 'http'], '0 to 65535'],
  ['init', ['init'], 'DIR'],
  ['init', ['init', 'one', 'two'], '"two"'],
])('says in one line what %s accepts when it is called as %j', async (_, args, accepts) => {
  const { code, stdout, errors } = await runCommand(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(errors).toEqual([expect.stringContaining(accepts)]);
});
