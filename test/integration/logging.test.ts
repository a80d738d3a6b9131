import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { Client, refusal } from '../harness/client.ts';
import { openOnEachLoop } from '../harness/greeting.ts';
import { RawClient } from '../harness/raw-client.ts';
import { type LogLine, ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const LOOPS = 8;

test('writes one line for each fact that matters when it starts and when it stops', async () => {
  const server = await ServerProcess.start('--workers', '2');
  await server.stop();
  expect(server.lines.map((line) => line.msg)).toEqual([
    'listening',
    'loops ready',
    'app loaded',
    'limits',
    'draining',
    'stopped',
  ]);
  for (const line of server.lines) expect(line).toMatchObject({ level: 30, time: expect.any(Number) });
  expect(server.lines[0]).toMatchObject({ host: '127.0.0.1', port: server.port, accept: 'primary' });
  expect(server.torn).toEqual([]);
});

const floodLines = (server: ServerProcess): LogLine[] => server.lines.filter((line) => line.msg === 'flood');

test("tears no line, loses none and keeps each loop's order when every loop logs long lines at once", async () => {
  const server = await ServerProcess.start('--workers', String(LOOPS), '--app', 'test/fixtures/log-flood.js');
  const clients = await openOnEachLoop(server.url('/'), LOOPS);
  for (const { client } of clients.values()) client.send('flood');
  let expected = 0;
  for (const { client } of clients.values()) expected += Number(await client.next());
  await until(() => floodLines(server).length === expected);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(server.torn).toEqual([]);
  const next = Array<number>(LOOPS).fill(0);
  for (const { loop, number, filler } of floodLines(server)) {
    const id = Number(loop);
    expect(number, `loop ${id}`).toBe(next[id]);
    next[id] = Number(number) + 1;
    expect(filler === String(id).repeat(10_000)).toBe(true);
  }
});

test('logs no query, header, cookie or payload, not even at the level of trace, when handlers work or fail', async () => {
  const secret = 'hush';
  const flags = ['--workers', '1', '--log-level', 'trace', '--max-payload', '1KiB'];
  const server = await ServerProcess.start(...flags, '--app', 'test/fixtures/secrets.js');
  const headers = { authorization: `Bearer ${secret}`, cookie: `session=${secret}` };
  const path = (query = ''): string => server.url(`/echo?token=${secret}${query}`);

  for (const payload of [`${secret} works`, `${secret} will fail`]) {
    for (const message of [payload, Buffer.from(payload)]) {
      const client = await Client.open(path(), [], { headers });
      client.send(message);
      expect(String(await client.next())).toBe(payload);
      if (payload.endsWith('fail')) expect((await client.closed).code).toBe(1011);
    }
  }
  const oversized = await Client.open(path(), [], { headers });
  oversized.send(secret.repeat(1000));
  expect((await oversized.closed).code).toBe(1006);
  expect((await (await Client.open(path('&open=fail'), [], { headers })).closed).code).toBe(1011);
  expect((await refusal(path('&decide=fail'), [], { headers })).status).toBe(500);
  expect((await refusal(path('&refuse'), [], { headers })).status).toBe(403);
  expect((await refusal(`${server.url('/none')}?token=${secret}`, [], { headers })).status).toBe(404);
  const invalid = await RawClient.connect(server.port);
  invalid.write(
    `GET /echo?token=${secret} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nCookie: ${secret}\r\n\r\n`,
  );
  expect((await invalid.answer()).status).toBe(400);
  const http = path().replace('ws:', 'http:').replace('/echo', '/page');
  for (const [url, status] of [
    [http, 200],
    [`${http}&fail`, 500],
  ] as const) {
    const response = await fetch(url, { method: 'POST', body: secret, headers });
    expect(response.status).toBe(status);
    await response.text();
  }
  await server.stop();

  const errors = server.lines.filter((line) => line.level === 50);
  expect(errors.length).toBeGreaterThanOrEqual(5);
  expect(JSON.stringify(server.lines)).not.toContain(secret);
  expect([...server.torn, server.stderr].join('')).not.toContain(secret);
});

test('prints nothing when the level is silent', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  const app = ['--app', 'test/fixtures/secrets.js'];
  const address = ['--host', '127.0.0.1', '--port', String(port)];
  const server = new ServerProcess([...address, ...app, '--workers', '2', '--log-level', 'silent']);
  const url = `ws://127.0.0.1:${port}/echo`;
  // A silent server does not say when it listens.
  let client: Client | undefined;
  await until(async () => {
    client = await Client.open(url).catch(() => undefined);
    return client !== undefined;
  });
  client?.send('fail');
  expect((await client?.closed)?.code).toBe(1011);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect([...server.lines, ...server.torn, server.stderr].join('')).toBe('');
});
