import { expect, test } from 'vitest';
import { closeCodes, openAtOnce } from '../harness/crowd.ts';
import { Program } from '../harness/program.ts';

async function withConnections(): Promise<{ program: Program; closed: Promise<Record<number, number>> }> {
  const program = new Program('embedding.js');
  const port = await program.message();
  const clients = await openAtOnce(`ws://127.0.0.1:${port}/`, 50);
  return { program, closed: closeCodes(clients) };
}

test('keeps the exit code and does not abort when the program exits with open connections', async () => {
  const { program, closed } = await withConnections();
  program.tell('exit');
  expect(await program.exit).toEqual({ code: 3, signal: null });
  expect(program.output).toBe('');
  expect(await closed).toEqual({ 1001: 50 });
});

test('keeps the exit code and does not abort when the program throws with open connections', async () => {
  const { program } = await withConnections();
  program.tell('throw');
  expect(await program.exit).toEqual({ code: 1, signal: null });
  expect(program.output).toContain('the program failed');
});

test('keeps the exit code and does not abort when the program exits while the server closes', async () => {
  const { program } = await withConnections();
  program.tell('exit while closing');
  expect(await program.exit).toEqual({ code: 3, signal: null });
  expect(program.output).toBe('');
});

test('keeps the exit code and does not abort when the program exits while the server starts', async () => {
  const program = new Program('embedding.js', 'exit while starting');
  expect(await program.exit).toEqual({ code: 3, signal: null });
  expect(program.output).toBe('');
});

test('lets the program end by itself when the server is closed', async () => {
  const { program, closed } = await withConnections();
  program.tell('close');
  expect(await closed).toEqual({ 1001: 50 });
  expect(await program.exit).toEqual({ code: 0, signal: null });
});
