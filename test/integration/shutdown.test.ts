import { expect, test } from 'vitest';
import { Client, refusal } from '../harness/client.ts';
import { closeCodes, openAtOnce } from '../harness/crowd.ts';
import { RawClient } from '../harness/raw-client.ts';
import { ServerProcess } from '../harness/server-process.ts';

const CONTROLLED = ['--workers', '1', '--app', 'test/fixtures/controlled-shutdown.js'];
const CLEAN_EXIT = { code: 0, signal: null };
/** "At once", with room for a slow machine: far from the default drain time. */
const PROMPT_MS = 2000;

async function stopPromptly(server: ServerProcess): Promise<void> {
  const startMs = performance.now();
  expect(await server.stop()).toEqual(CLEAN_EXIT);
  expect(performance.now() - startMs).toBeLessThan(PROMPT_MS);
}

test('stops at once when connections are idle', async () => {
  const server = await ServerProcess.start('--workers', '4');
  const clients = await openAtOnce(server.url('/echo'), 20);
  await stopPromptly(server);
  expect(await closeCodes(clients)).toEqual({ 1001: clients.length });
  expect(await clients[0]?.closed).toEqual({ code: 1001, reason: 'server is shutting down' });
});

test('stops at once when peers do not answer the close frame', async () => {
  const server = await ServerProcess.start('--workers', '2');
  const peers = await Promise.all(Array.from({ length: 10 }, () => RawClient.open(server.port, '/echo')));
  await stopPromptly(server);
  for (const peer of peers) {
    const { opcode, payload } = await peer.frame();
    expect({ opcode, code: payload.readUInt16BE(0) }).toEqual({ opcode: 8, code: 1001 });
  }
});

test('stops at once when HTTP connections are kept alive, half of a request was sent, or nothing at all', async () => {
  const server = await ServerProcess.start('--workers', '2');
  const [kept, half] = await Promise.all([RawClient.connect(server.port), RawClient.connect(server.port)]);
  await RawClient.connect(server.port);
  kept.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect((await kept.answer()).status).toBe(200);
  half.write('GET / HTTP/1.1\r\nHo');
  await stopPromptly(server);
});

test('stops at once when nobody is connected', async () => {
  const server = await ServerProcess.start('--workers', '8');
  await stopPromptly(server);
});

test('runs onShutdown before connections close, waits for it, and lets it send, also when another callback throws', async () => {
  const server = await ServerProcess.start(...CONTROLLED);
  const client = await Client.open(server.url('/'));
  server.kill('SIGTERM');
  await server.line('shutdown begun');
  client.send('still here');
  expect(await client.next()).toBe('still here');
  client.send('finish');
  expect(await client.next()).toBe('finish');
  expect(await client.next()).toBe('goodbye');
  expect((await client.closed).code).toBe(1001);
  expect(await server.exit).toEqual(CLEAN_EXIT);
  expect(server.lines.map((line) => line.msg)).toContain('onShutdown failed');
});

test('completes HTTP answers under way when it stops', async () => {
  const server = await ServerProcess.start(...CONTROLLED);
  const url = server.url('/').replace('ws:', 'http:');
  const client = await Client.open(server.url('/'));
  const lateResponse = fetch(`${url}late-response`);
  const lateBody = await fetch(`${url}late-body`);
  server.kill('SIGTERM');
  await server.line('shutdown begun');
  client.send('finish');
  expect(await lateBody.text()).toBe('first, last');
  expect(await (await lateResponse).text()).toBe('late');
  expect(await server.exit).toEqual(CLEAN_EXIT);
});

test('answers 503 to undecided handshakes and to requests on kept connections, and refuses new connections, when it stops', async () => {
  const server = await ServerProcess.start(...CONTROLLED);
  const client = await Client.open(server.url('/'));
  const undecided = refusal(server.url('/undecided'));
  const [http, webSocket] = await Promise.all([
    RawClient.connect(server.port),
    RawClient.connect(server.port),
  ]);
  for (const kept of [http, webSocket]) {
    kept.write('GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await kept.answer()).toMatchObject({ status: 200, body: 'hello' });
  }
  server.kill('SIGTERM');
  await server.line('shutdown begun');
  expect(await undecided).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  http.write('GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect((await http.answer()).status).toBe(503);
  webSocket.write(
    'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  expect((await webSocket.answer()).status).toBe(503);
  await expect(Client.open(server.url('/'))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  client.send('finish');
  expect(await server.exit).toEqual(CLEAN_EXIT);
});
