import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Greeted, openOnEachLoop, openOnLoop } from '../harness/greeting.ts';
import { ServerProcess } from '../harness/server-process.ts';

const LOOPS = 4;
const AT_FAULT = 1;
/** What an app does wrong, and what the clients of that loop see. */
const FAULTS: [string, string, number][] = [
  ['throws in a timer', 'throw in a timer', 1011],
  ['leaves a rejected promise', 'leave a rejected promise', 1011],
  ['exits in a handler', 'exit', 1012],
  ['exits in a timer', 'exit later', 1012],
];
let server: ServerProcess;
let clients: Map<number, Greeted>;

beforeEach(async () => {
  server = await ServerProcess.start('--workers', String(LOOPS), '--app', 'test/fixtures/faulty.js');
  clients = await openOnEachLoop(server.url('/'), LOOPS);
});

afterEach(async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(server.stderr).toBe('');
  expect(server.torn).toEqual([]);
});

async function expectServed({ client }: Greeted, text: string): Promise<void> {
  client.send(text);
  expect(await client.next()).toBe(text);
}

test.each(FAULTS)(
  'ends the connections of that loop, replaces it, and leaves the others alone when the app %s',
  async (_, fault, code) => {
    const neighbours = await Promise.all([0, 1].map(() => openOnLoop(server.url('/'), AT_FAULT)));
    clients.get(AT_FAULT)?.client.send(fault);
    for (const { client } of neighbours) expect((await client.closed).code).toBe(code);
    expect((await clients.get(AT_FAULT)?.client.closed)?.code).toBe(code);
    for (const [loop, greeted] of clients)
      if (loop !== AT_FAULT) await expectServed(greeted, 'while it is replaced');

    await server.line('loop replaced', (line) => line.loop === AT_FAULT);
    const successor = await openOnLoop(server.url('/'), AT_FAULT);
    expect(successor.greeting).toEqual({ loop: AT_FAULT, generation: 2 });
    await expectServed(successor, 'on the new one');
    for (const [loop, greeted] of clients)
      if (loop !== AT_FAULT) await expectServed(greeted, 'after it was replaced');
  },
);

test('logs the error with its stack and the loop when the app throws outside a callback', async () => {
  clients.get(AT_FAULT)?.client.send('throw in a timer');
  const line = await server.line('uncaught error on the loop');
  expect(line).toMatchObject({ level: 50, loop: AT_FAULT, err: { message: 'thrown in a timer' } });
  expect((line.err as { stack: string }).stack).toContain('faulty.js');
  await server.line('loop failed; it is replaced', ({ loop }) => loop === AT_FAULT);
});

test('replaces every loop when all of them fail at once', async () => {
  for (const { client } of clients.values()) client.send('exit');
  for (const { client } of clients.values()) expect((await client.closed).code).toBe(1012);
  for (let loop = 0; loop < LOOPS; loop++) await server.line('loop replaced', (line) => line.loop === loop);
  const successors = await openOnEachLoop(server.url('/'), LOOPS);
  for (const { greeting } of successors.values()) expect(greeting.generation).toBe(2);
});
