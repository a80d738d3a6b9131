import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { type LoadResult, resultText } from '../../src/commands/bench/result.ts';
import { runCommand } from '../harness/command.ts';
import { FixtureServer } from '../harness/fixture-server.ts';

async function demo(options = {}): Promise<FixtureServer> {
  const server = await FixtureServer.demo(options);
  onTestFinished(() => server.close());
  return server;
}

/** The URL of an endpoint that does this with every message; `count` is how many that connection has had before. */
async function endpoint(
  answer: (ws: WebSocket, text: string, count: number) => void,
  greet = '',
): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on('connection', (ws) => {
    let count = 0;
    if (greet !== '') ws.send(greet);
    ws.on('message', (data) => answer(ws, String(data), count++));
  });
  await once(server, 'listening');
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bench(url: string, ...flags: string[]): Promise<{ code: number | null; result: LoadResult }> {
  const args = ['bench', url, '--json', '--duration', '300ms', '--connections', '4', ...flags];
  const { code, stdout, errors } = await runCommand(args);
  expect(errors).toEqual(['']);
  return { code, result: JSON.parse(stdout) as LoadResult };
}

test('counts every answer as right when the endpoint echoes', async () => {
  const server = await demo();
  const { code, result } = await bench(server.url('/echo'), '--in-flight', '3', '--size', '1KiB');
  expect(code).toBe(0);
  const { sent } = result.messages;
  expect(sent).toBeGreaterThan(0);
  expect(result).toMatchObject({
    isEcho: true,
    connections: { opened: 4, failed: 0, lost: 0 },
    messages: { answered: sent, wrong: 0, unanswered: 0 },
    trouble: null,
  });
  const { p50 = 0, p999 = 0, max = 0 } = result.latencyMs ?? {};
  expect(p50).toBeGreaterThan(0);
  expect(p50).toBeLessThanOrEqual(p999);
  expect(p999).toBeLessThanOrEqual(max);
  // The first message of another connection found out that the endpoint echoes.
  expect(await server.total('messagesIn')).toBe(sent + 1);
  expect(await server.total('bytesIn')).toBe((sent + 1) * 1024);
});

test('prints a table when it is not asked for JSON', async () => {
  const server = await demo();
  const { code, stdout } = await runCommand(['bench', server.url('/echo'), '--duration', '100ms']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/ p50 +p90 +p99 +p99\.9 +max\n *latency, ms( +\d+\.\d\d){5}\n/);
  expect(stdout).toMatch(/messages {6}(\d+) sent, \1 answered, 0 wrong, 0 unanswered/);
  expect(stdout).toContain('50 opened, 0 failed, 0 lost');
});

test('lets the greeting pass when the endpoint greets before it echoes', async () => {
  const url = await endpoint((ws, text) => ws.send(text), 'welcome');
  const { code, result } = await bench(url);
  expect(result).toMatchObject({ isEcho: true, messages: { wrong: 0, unanswered: 0 } });
  expect(code).toBe(0);
});

test('takes pongs for answers when the endpoint does not echo', async () => {
  const server = await demo();
  const { code, result } = await bench(server.url('/reverse'));
  expect(code).toBe(0);
  const { sent } = result.messages;
  expect(result).toMatchObject({ isEcho: false, messages: { answered: sent, wrong: 0, unanswered: 0 } });
  expect(await server.total('messagesIn')).toBe(sent + 1);
});

test('exits with 1 and shows the answer when one has another content', async () => {
  const url = await endpoint((ws, text, count) =>
    ws.send(count === 5 ? text.toUpperCase().replace(/.$/, '!') : text),
  );
  const { code, result } = await bench(url);
  expect(code).toBe(1);
  expect(result.messages.wrong).toBe(4);
  expect(result.trouble).toMatch(/^"\d\.6\.-+!" came in answer to "\d\.6\.-+"$/);
});

test('exits with 1 when answers come out of order', async () => {
  let held = '';
  const url = await endpoint((ws, text, count) => {
    if (count === 6) held = text;
    else ws.send(text);
    if (count === 7) ws.send(held);
  });
  const { code, result } = await bench(url, '--in-flight', '2', '--connections', '1');
  expect(code).toBe(1);
  expect(result.messages.wrong).toBe(2);
});

test('exits with 1 when an answer is binary, or comes twice', async () => {
  const binary = await endpoint((ws, text, count) => ws.send(Buffer.from(text), { binary: count === 5 }));
  expect(await bench(binary)).toMatchObject({ code: 1, result: { messages: { wrong: 4 } } });
  const twice = await endpoint((ws, text, count) => {
    ws.send(text);
    // The very first one is on the connection that finds out whether the endpoint echoes.
    if (count === 1) ws.send(text);
  });
  const { code, result } = await bench(twice);
  expect(code).toBe(1);
  expect(result.messages.wrong).toBeGreaterThan(0);
});

test('exits with 1 when messages stay without an answer', async () => {
  const url = await endpoint((ws, text, count) => count < 5 && ws.send(text));
  const { code, result } = await bench(url);
  expect(code).toBe(1);
  expect(result.messages).toMatchObject({ sent: 24, answered: 20, wrong: 0, unanswered: 4 });
});

test('exits with 1 when the server refuses some of the connections', async () => {
  const server = await demo({ maxConnections: 3 });
  const { code, result } = await bench(server.url('/echo'));
  expect(code).toBe(1);
  expect(result.connections).toEqual({ opened: 3, failed: 1, lost: 0 });
  expect(result.trouble).toContain('503');
  expect(result.messages).toMatchObject({ wrong: 0, unanswered: 0 });
});

test('exits with 1 when connections are lost', async () => {
  const url = await endpoint((ws, text, count) => (count === 5 ? ws.close(4000, 'enough') : ws.send(text)));
  const { code, result } = await bench(url);
  expect(code).toBe(1);
  expect(result.connections).toEqual({ opened: 4, failed: 0, lost: 4 });
  expect(result.trouble).toBe('a connection was closed with 4000 enough');
});

test.each(['/deny', '/no/such/path'])(
  'says in one line why when %s takes no connection at all',
  async (path) => {
    const server = await demo();
    const { code, stdout, errors } = await runCommand(['bench', server.url(path)]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(errors).toEqual([expect.stringMatching(/40[34]/)]);
  },
);

test('sends no more than the rate asks for', async () => {
  const server = await demo();
  const { code, result } = await bench(server.url('/echo'), '--rate', '100', '--duration', '1s');
  expect(code).toBe(0);
  const { sent, late } = result.messages;
  expect(sent).toBeGreaterThan(0);
  expect(sent + late).toBeLessThanOrEqual(101);
  expect(sent + late).toBeGreaterThanOrEqual(100);
});

test('counts the time from when a message was due when the endpoint holds up the sender', async () => {
  const url = await endpoint((ws, text, count) => {
    if (count === 2) setTimeout(() => ws.send(text), 500);
    else ws.send(text);
  });
  const { result } = await bench(url, '--connections', '1', '--rate', '100', '--duration', '1s');
  // Half of the messages were due while nothing could be sent; that shows in the median, not in one message only.
  expect(result.latencyMs?.p90).toBeGreaterThan(200);
});

test('says that it may be the limit itself when it was busy all the time', () => {
  const result: LoadResult = {
    isEcho: true,
    seconds: 1,
    connections: { opened: 1, failed: 0, lost: 0 },
    messages: { sent: 1, answered: 1, wrong: 0, unanswered: 0, late: 0 },
    messagesPerSecond: 1,
    latencyMs: null,
    utilization: 0.91,
    trouble: null,
  };
  const options = { url: 'ws://127.0.0.1', connections: 1, durationMs: 1000, size: 20, inFlight: 1, rate: 0 };
  expect(resultText(result, options)).toContain('it may be the limit');
  expect(resultText({ ...result, utilization: 0.5 }, options)).not.toContain('it may be the limit');
});
