import { expect, test } from 'vitest';
import { refusal } from '../harness/client.ts';
import { closeCodes, echoEndlessly, openAtOnce } from '../harness/crowd.ts';
import { ServerProcess } from '../harness/server-process.ts';

const CONNECTIONS = 1000;
const IN_A_ROW = 3;
const LOOPS: [string, number][] = [
  ['one loop', 1],
  ['two loops', 2],
  ['eight loops', 8],
];
const TIMEOUT_MS = 120_000;
/** The default of `--drain-timeout`. */
const DRAIN_MS = 10_000;

/** Stops a server under traffic and checks what everyone saw. Returns how long it took. */
async function stopUnderTraffic(signal: NodeJS.Signals, loops: number): Promise<number> {
  const server = await ServerProcess.start('--workers', String(loops));
  const clients = await openAtOnce(server.url('/echo'), CONNECTIONS);
  for (const client of clients) echoEndlessly(client, 'round and round');
  await Promise.all(clients.map((client) => client.next()));

  const startMs = performance.now();
  server.kill(signal);
  const exit = await server.exit;
  const tookMs = performance.now() - startMs;
  expect(exit).toEqual({ code: 0, signal: null });
  expect(await closeCodes(clients)).toEqual({ 1001: CONNECTIONS });
  expect(server.stderr).toBe('');
  expect(server.lines.at(-1)?.msg).toBe('stopped');
  return tookMs;
}

test.each(LOOPS)(
  'closes every connection with 1001 and exits on %s when told SIGTERM under traffic',
  async (_, loops) => {
    for (let i = 0; i < IN_A_ROW; i++)
      expect(await stopUnderTraffic('SIGTERM', loops)).toBeLessThan(DRAIN_MS);
  },
  TIMEOUT_MS,
);

test.each(LOOPS)(
  'closes every connection with 1001 and exits on %s when told SIGINT under traffic',
  async (_, loops) => {
    expect(await stopUnderTraffic('SIGINT', loops)).toBeLessThan(DRAIN_MS);
  },
  TIMEOUT_MS,
);

async function stopUnfinishedApp(loops: number): Promise<void> {
  const drainMs = 4000;
  const flags = ['--workers', String(loops), '--drain-timeout', `${drainMs}ms`];
  const server = await ServerProcess.start(...flags, '--app', 'test/fixtures/never-finishes.js');
  const http = server.url('/').replace('ws:', 'http:');
  const refused = Promise.all(Array.from({ length: 20 }, () => refusal(server.url('/should-upgrade'))));
  const unanswered = fetch(`${http}no-response`).then(
    () => 'answered',
    () => 'lost',
  );
  const unfinished = await fetch(`${http}stream`);
  const clients = [
    ...(await openAtOnce(server.url('/on-upgrade'), CONNECTIONS / 2)),
    ...(await openAtOnce(server.url('/on-text'), CONNECTIONS / 2)),
  ];
  for (const client of clients) echoEndlessly(client, 'round and round');
  await Promise.all(clients.map((client) => client.next()));

  const startMs = performance.now();
  server.kill('SIGTERM');
  const exit = await server.exit;
  expect(performance.now() - startMs).toBeLessThan(drainMs);
  expect(exit).toEqual({ code: 0, signal: null });
  expect(await closeCodes(clients)).toEqual({ 1001: CONNECTIONS });
  expect((await refused).map(({ status }) => status)).toEqual(Array(20).fill(503));
  expect(await unanswered).toBe('lost');
  await expect(unfinished.text()).rejects.toThrow();
}

test.each(LOOPS)(
  'closes every connection with 1001 and exits in time on %s when nothing in the app ever finishes',
  async (_, loops) => {
    for (let i = 0; i < IN_A_ROW; i++) await stopUnfinishedApp(loops);
  },
  TIMEOUT_MS,
);
