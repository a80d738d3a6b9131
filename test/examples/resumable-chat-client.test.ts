import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { ExampleClient } from '../harness/example-client.ts';
import { freePort } from '../harness/free-port.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const APP = 'examples/resumable-chat-client/app.js';
const CLIENT = 'examples/resumable-chat-client/client.ts';
const BACK = '* back';
const GONE = '* back, and messages may be gone';

/** On one port all the time, with the arguments of its run line. */
async function start(port: number): Promise<ServerProcess> {
  const args = /Run: node dist\/server\.js (.+)/.exec(readFileSync(APP, 'utf8'))?.[1] ?? '';
  expect(args).toBe(`--app ${APP}`);
  const address = ['--host', '127.0.0.1', '--port', String(port), '--workers', '2'];
  const server = new ServerProcess([...address, ...args.split(' ')]);
  onTestFinished(() => server.kill('SIGKILL'));
  await server.line('listening');
  return server;
}

test('shows every message once, in order, when the server is reloaded, stopped and killed, and says what may be gone', async () => {
  const port = await freePort();
  let server = await start(port);
  const room = `ws://127.0.0.1:${port}/rooms/test`;
  const [ada, bob] = ['ada', 'bob'].map((name) => new ExampleClient(CLIENT, room, name)) as [
    ExampleClient,
    ExampleClient,
  ];
  await Promise.all([ada, bob].map((client) => client.printed('* here')));
  const said: string[] = [];
  const say = (): void => {
    said.push(`ada: ${said.length + 1}`);
    ada.write(String(said.length));
  };
  const bothHaveAll = (): Promise<unknown> =>
    Promise.all([ada, bob].map((client) => until(() => client.texts.length >= said.length)));
  for (let n = 0; n < 10; n++) say();
  await bothHaveAll();

  server.kill('SIGHUP');
  while (![ada, bob].every(({ lines }) => lines.includes(BACK))) {
    say();
    await until(() => ada.texts.length >= said.length - 5);
  }
  await server.line('reloaded');
  await bothHaveAll();
  expect([ada.lines, bob.lines].flat()).not.toContain(GONE);

  for (const [times, signal] of [
    [1, 'SIGTERM'],
    [2, 'SIGKILL'],
  ] as const) {
    for (let n = 0; n < 3; n++) say();
    await bothHaveAll();
    server.kill(signal);
    await server.exit;
    for (let n = 0; n < 3; n++) say();
    server = await start(port);
    await Promise.all([ada, bob].map((client) => client.printed(GONE, times)));
    say();
    await bothHaveAll();
  }

  for (const client of [ada, bob]) {
    client.end();
    await client.printed('* the end: 1000 ');
    expect(await client.exit).toBe(0);
    expect(client.texts).toEqual(said);
    expect(client.errors).toBe('');
  }
}, 60_000);
