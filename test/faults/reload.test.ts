/** Replacing every loop while clients come and go. */
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Server } from '../../dist/index.js';
import { Client } from '../harness/client.ts';
import { openAtOnce } from '../harness/crowd.ts';
import { openOnEachLoop } from '../harness/greeting.ts';
import { mebibytes, residentBytesOf } from '../harness/process-figures.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { temporaryFile } from '../harness/temporary-file.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
/** What heaps and allocators may come to hold beside, whatever is done. */
const NOISE_BYTES = 32 * 1024 * 1024;
const PACKAGE = new URL('../../dist/index.js', import.meta.url).href;

const appThatSays = (text: string): string => `
  import { defineApp } from '${PACKAGE}';
  export default defineApp((loop) => {
    const resumed = loop.shared.counter('connections');
    loop.webSocket('/', {
      onUpgrade(ws) {
        ws.subscribe('news');
        ws.send('${text} ' + loop.id + ' ' + loop.generation + ' ' + resumed.add(1));
      },
    });
  });
`;

async function said(server: ServerProcess): Promise<string> {
  const client = await Client.open(server.url('/'));
  const text = String(await client.next());
  client.socket.close();
  return text;
}

test('loads the code anew on every loop, keeps what is shared, and closes old connections with 1012 when SIGHUP comes', async () => {
  const app = temporaryFile('app.mjs', appThatSays('first'));
  const server = await ServerProcess.start('--workers', '2', '--app', app);
  const old = await openAtOnce(server.url('/'), 10);
  writeFileSync(app, appThatSays('second'));
  server.kill('SIGHUP');
  await server.line('reloaded');
  for (const client of old)
    expect(await client.closed).toEqual({ code: 1012, reason: 'server is restarting' });
  const answers = await Promise.all(Array.from({ length: 4 }, () => said(server)));
  expect(answers.map((text) => text.replace(/ \d+$/, '')).sort()).toEqual([
    'second 0 2',
    'second 0 2',
    'second 1 2',
    'second 1 2',
  ]);
  expect(Math.max(...answers.map((text) => Number(text.split(' ')[3])))).toBe(14);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('keeps the old loops and their connections, and says why, when the new code does not load', async () => {
  const app = temporaryFile('app.mjs', appThatSays('first'));
  const server = await ServerProcess.start('--workers', '2', '--app', app);
  const old = await openAtOnce(server.url('/'), 4);
  for (const client of old) await client.next();
  writeFileSync(app, 'export default 1');
  server.kill('SIGHUP');
  const line = await server.line('reload failed; loops that were not replaced stay as they are');
  expect(line).toMatchObject({ level: 50, err: { type: 'AppLoadError' } });
  expect(await said(server)).toMatch(/^first \d 1/);
  for (const client of old) expect(client.socket.readyState).toBe(client.socket.OPEN);
  writeFileSync(app, appThatSays('third'));
  server.kill('SIGHUP');
  await server.line('reloaded');
  expect(await said(server)).toMatch(/^third/);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('refuses and resets no attempt, and spreads the closing of old connections, when it reloads while clients keep coming', async () => {
  const held = IS_LONG ? 2000 : 200;
  const perSecond = IS_LONG ? 500 : 100;
  const server = await ServerProcess.start(
    '--workers',
    '2',
    '--drain-timeout',
    '3',
    '--app',
    'test/fixtures/which-loop.js',
  );
  const old = await openAtOnce(server.url('/'), held);
  const isMeasured = IS_LONG && process.platform === 'linux';
  const bytesBefore = isMeasured ? residentBytesOf(server.pid) : 0;
  const failures: string[] = [];
  let attempts = 0;
  const pending = new Set<Promise<void>>();
  const timer = setInterval(() => {
    attempts++;
    const attempt = Client.open(server.url('/')).then(
      async (client) => {
        await client.next();
        client.socket.close();
      },
      (error: unknown) => void failures.push(String(error)),
    );
    pending.add(attempt);
    void attempt.then(() => pending.delete(attempt));
  }, 1000 / perSecond);
  const closedMs: number[] = [];
  const codes = Promise.all(
    old.map(async (client) => {
      const { code } = await client.closed;
      closedMs.push(performance.now());
      return code;
    }),
  );
  const startMs = performance.now();
  server.kill('SIGHUP');
  expect(new Set(await codes)).toEqual(new Set([1012]));
  await server.line('reloaded');
  clearInterval(timer);
  await Promise.all(pending);
  expect(failures).toEqual([]);
  expect(attempts).toBeGreaterThan(10);
  // 100 on each of two loops, 10 ms apart; in no 100 ms more than a small part.
  const tenths = closedMs.map((ms) => Math.floor((ms - startMs) / 100));
  const most = Math.max(...tenths.map((tenth) => tenths.filter((one) => one === tenth).length));
  expect(most).toBeLessThan(held / 3);
  if (isMeasured) {
    // As many connections as before, on the new loops.
    await openAtOnce(server.url('/'), held);
    const bytes = residentBytesOf(server.pid);
    const spanMs = Math.max(...closedMs) - Math.min(...closedMs);
    console.log(
      `${attempts} attempts; ${held} closed within ${spanMs.toFixed()} ms;`,
      `resident ${mebibytes(bytesBefore)} before, ${mebibytes(bytes)} afterwards`,
    );
    expect(bytes).toBeLessThan(bytesBefore + NOISE_BYTES);
  }
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('keeps one order and loses no message that was published on the primary when loops are replaced meanwhile', async () => {
  const app = new URL(`file://${temporaryFile('app.mjs', appThatSays('hello'))}`);
  const server = await Server.start({
    app,
    workers: 2,
    port: 0,
    adminPort: 0,
    host: '127.0.0.1',
    logLevel: 'silent',
  });
  const reloading = server.reload();
  const results: boolean[] = [];
  const timer = setInterval(() => results.push(server.publish('news', 'x').ok), 5);
  await reloading;
  clearInterval(timer);
  expect(results.every((ok) => ok)).toBe(true);
  expect(server.loops().map(({ generation, state }) => [generation, state])).toEqual([
    [2, 'ready'],
    [2, 'ready'],
  ]);
  await server.close();
});

test('sheds the share of connections that was asked for, and places them anew when they return', async () => {
  const server = await Server.start({
    app: new URL('../fixtures/which-loop.js', import.meta.url),
    workers: 2,
    port: 0,
    adminPort: 0,
    host: '127.0.0.1',
    drainTimeoutMs: 300,
    logLevel: 'silent',
  });
  const url = `ws://127.0.0.1:${server.port}/`;
  const greeted = await openOnEachLoop(url, 2);
  const clients = [...[...greeted.values()].map(({ client }) => client), ...(await openAtOnce(url, 18))];
  const codes: number[] = [];
  for (const client of clients) void client.closed.then(({ code }) => codes.push(code));
  expect(await server.shed(0.5)).toBe(10);
  await expect.poll(() => codes.length).toBe(10);
  expect(new Set(codes)).toEqual(new Set([1012]));
  for (const fraction of [-0.1, 1.1, Number.NaN])
    await expect(server.shed(fraction)).rejects.toThrow(RangeError);
  expect(await server.shed(0)).toBe(0);
  await server.close();
});
