import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openOnEachLoop } from '../harness/greeting.ts';
import { until } from '../harness/until.ts';

const LOOPS = 4;
const APP = 'test/fixtures/log-flood.js';

/** Like `ServerProcess`, but its output is taken only when the test says so. */
function startServer(): { read(): void; pause(): void; text(): string; child: ReturnType<typeof spawn> } {
  const flags = [
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--admin-port',
    '0',
    '--workers',
    String(LOOPS),
    '--app',
    APP,
  ];
  const child = spawn(process.execPath, ['dist/server.js', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { stdout } = child;
  if (stdout === null) throw new Error('the server has no output');
  const chunks: Buffer[] = [];
  stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  return {
    child,
    read: () => stdout.resume(),
    pause: () => stdout.pause(),
    text: () => Buffer.concat(chunks).toString(),
  };
}

const threads = (pid: number | undefined): number => readdirSync(`/proc/${pid}/task`).length;

test.runIf(process.platform === 'linux')(
  'serves, stops, and loses or tears no line when its output is not read until every loop has ended',
  async () => {
    const server = startServer();
    const { stdout } = server.child;
    while (!server.text().includes('"limits"')) await once(stdout ?? server.child, 'data');
    const port = /"port":(\d+)/.exec(server.text())?.[1];
    const clients = [...(await openOnEachLoop(`ws://127.0.0.1:${port}/`, LOOPS)).values()];
    server.pause();
    let expected = 0;
    for (const { client } of clients) client.send('flood');
    for (const { client } of clients) expected += Number(await client.next());
    const threadsBefore = threads(server.child.pid);
    server.child.kill('SIGTERM');
    for (const { client } of clients) expect((await client.closed).code).toBe(1001);
    const exit = once(server.child, 'close');
    // Each loop is a thread; when they have ended, nothing but the log keeps the process.
    await until(() => threads(server.child.pid) <= threadsBefore - LOOPS);
    server.read();
    expect(await exit).toEqual([0, null]);

    const lines = server.text().trimEnd().split('\n');
    const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(messages.filter((msg) => msg === 'flood')).toHaveLength(expected);
    expect(messages.at(-1)).toBe('stopped');
  },
);
