import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { StandInAdmin, someStatus } from '../harness/stand-in-admin.ts';
import { hasTerminals, Terminal, type TerminalSize } from '../harness/terminal.ts';

const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?1049l';
const SHOW_CURSOR = '\x1b[?25h';
const SIZE: TerminalSize = { columns: 100, rows: 20 };

async function standIn(): Promise<StandInAdmin> {
  const admin = await StandInAdmin.start(someStatus(2));
  onTestFinished(() => admin.stop());
  return admin;
}

/** Ends as it should: with what was on the terminal before. */
async function expectRestored(terminal: Terminal): Promise<void> {
  expect(await terminal.exit).toBe(0);
  const [, after = ''] = terminal.output.split(ENTER);
  expect(after).toContain(SHOW_CURSOR);
  expect(after.trimEnd().endsWith(LEAVE)).toBe(true);
  expect(after.split(LEAVE)).toHaveLength(2);
}

describe.skipIf(!hasTerminals)('polyloop top on a terminal', () => {
  it.each([
    ['q is pressed', (terminal: Terminal) => terminal.press('q')],
    ['Ctrl-C is pressed', (terminal: Terminal) => terminal.press('\x03')],
    ['it is told to terminate', (terminal: Terminal) => terminal.kill('SIGTERM')],
    ['it is interrupted', (terminal: Terminal) => terminal.kill('SIGINT')],
  ])('gives the terminal back when %s', async (_, end) => {
    const terminal = new Terminal(['top', (await standIn()).url], SIZE);
    await terminal.shows('polyloop 1.2.3');
    end(terminal);
    await expectRestored(terminal);
  });

  it('draws what the server says anew, in place', async () => {
    const admin = await standIn();
    const terminal = new Terminal(['top', admin.url], SIZE);
    await terminal.shows('up 1s');
    admin.say(someStatus(2, { uptimeMs: 7_200_000 }));
    await terminal.shows('up 2h 0m');
    expect(terminal.screen).not.toContain('up 1s');
    expect(terminal.output.split(ENTER)).toHaveLength(2);
    terminal.press('q');
    await expectRestored(terminal);
  });

  it('has fewer columns and rows when the terminal becomes smaller', async () => {
    const admin = await StandInAdmin.start(someStatus(12));
    onTestFinished(() => admin.stop());
    const terminal = new Terminal(['top', admin.url], { columns: 120, rows: 30 });
    await terminal.shows('delivered/s');
    expect(terminal.screen).not.toContain('more loops');
    terminal.resize({ columns: 50, rows: 10 });
    await terminal.shows(/^(?!.*delivered)[\s\S]*more loops/);
    expect(terminal.screen.split('\n').length).toBeLessThanOrEqual(10);
    terminal.press('q');
    await expectRestored(terminal);
  });

  it('says so when the server goes away, and goes on when it is back', async () => {
    const admin = await StandInAdmin.start(someStatus(2));
    const { port } = admin;
    const terminal = new Terminal(['top', admin.url], SIZE);
    await terminal.shows('up 1s');
    await admin.stop();
    await terminal.shows('these figures are old');
    expect(terminal.screen).toContain('up 1s');
    const again = await StandInAdmin.start(someStatus(3, { uptimeMs: 5000, pid: 4712 }), port);
    onTestFinished(() => again.stop());
    await terminal.shows('up 5s');
    expect(terminal.screen).not.toContain('these figures are old');
    terminal.press('q');
    await expectRestored(terminal);
  });

  it('has colours, and none when NO_COLOR is set', async () => {
    const { url } = await standIn();
    for (const [env, isColoured] of [
      [{}, true],
      [{ NO_COLOR: '1' }, false],
    ] as const) {
      const terminal = new Terminal(['top', url], SIZE, env);
      await terminal.shows('ready');
      expect(terminal.screen !== stripVTControlCharacters(terminal.screen)).toBe(isColoured);
      terminal.press('q');
      await expectRestored(terminal);
    }
  });

  it('prints one table and exits when told to', async () => {
    const terminal = new Terminal(['top', (await standIn()).url, '--once'], SIZE);
    expect(await terminal.exit).toBe(0);
    expect(terminal.output).not.toContain(ENTER);
    expect(terminal.output).toContain('polyloop 1.2.3');
  });
});
