import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { until } from '../harness/until.ts';

const CHUNK_BYTES = 64 * 1024;
let server: FixtureServer;
beforeAll(async () => {
  server = await FixtureServer.start('http-app.js');
});
afterAll(() => server.close());

const base = (path: string): string => `http://127.0.0.1:${server.port}${path}`;

async function pulled(): Promise<number> {
  return (await (await server.http('/chunks-pulled')).json()) as number;
}

/** Waits until a number stands still over some round trips to the loop, and gives it. */
async function still(read: () => number | Promise<number>): Promise<number> {
  let last = -1;
  let same = 0;
  await until(async () => {
    await pulled();
    const now = await read();
    same = now === last ? same + 1 : 0;
    last = now;
    return same === 20;
  });
  return last;
}

test('stops reading the response when the client does, and sends all of it when the client reads on', async () => {
  const chunks = 2048;
  const [response] = (await once(get(base(`/chunks?${chunks}`)), 'response')) as [IncomingMessage];
  const ahead = await still(pulled);
  expect(ahead).toBeGreaterThan(0);
  expect(ahead).toBeLessThan(chunks / 2);
  let bytes = 0;
  let isInOrder = true;
  for await (const part of response) {
    const chunk = part as Buffer;
    for (const at of [0, chunk.length - 1]) {
      if (chunk[at] !== Math.floor((bytes + at) / CHUNK_BYTES) % 256) isInOrder = false;
    }
    bytes += chunk.length;
  }
  expect(bytes).toBe(chunks * CHUNK_BYTES);
  expect(isInOrder).toBe(true);
});

const PART = randomBytes(1024 * 1024);
/** Far more than what socket buffers on both sides hold. */
const PARTS = 128;

/** Posts `PARTS` parts one after the other, each when the one before has been taken. */
function post(path: string): { posting: ClientRequest; sent(): number; digest(): string } {
  const posting = request(base(path), { method: 'POST' });
  const hash = createHash('sha256');
  let sent = 0;
  const send = (): void => {
    if (sent === PARTS) {
      posting.end();
      return;
    }
    hash.update(PART);
    posting.write(PART, () => {
      sent++;
      send();
    });
  };
  send();
  return { posting, sent: () => sent, digest: () => hash.digest('hex') };
}

test('stops reading the request when the handler does, and gives all of it to a handler that reads on', async () => {
  const { posting, sent, digest } = post('/hash-later');
  expect(await still(sent)).toBeLessThan(PARTS / 2);
  await (await server.http('/open')).text();
  const [response] = (await once(posting, 'response')) as [IncomingMessage];
  let answer = '';
  for await (const chunk of response) answer += String(chunk);
  expect(answer).toBe(digest());
});

test('sends back all of a body when the client reads the echo as it comes', async () => {
  const body = randomBytes(12 * 1024 * 1024);
  const posting = request(base('/echo'), { method: 'POST' });
  posting.end(body);
  const [response] = (await once(posting, 'response')) as [IncomingMessage];
  const echo = createHash('sha256');
  for await (const chunk of response) echo.update(chunk as Buffer);
  expect(echo.digest('hex')).toBe(createHash('sha256').update(body).digest('hex'));
});

/** A limit of uWebSockets.js (docs/platform-limits.md): it cannot stop reading while an answer waits to be sent. */
test('drops the exchange, and serves on, when the client sends on and on and never reads the echo', async () => {
  const { posting, sent } = post('/echo');
  const failed = once(posting, 'error');
  posting.on('response', (response: IncomingMessage) => response.on('error', () => {}));
  expect(((await failed) as [NodeJS.ErrnoException])[0].code).toMatch(/ECONNRESET|EPIPE/);
  expect(sent()).toBeLessThan(PARTS / 2);
  expect((await server.http('/text')).status).toBe(200);
});

test('cancels the response stream when the client leaves in the middle', async () => {
  const [response] = (await once(get(base('/chunks?1024')), 'response')) as [IncomingMessage];
  response.destroy();
  expect(await server.seen('response cancelled')).toBe('AbortError');
});

test('aborts the signal of the request when the client leaves before the answer', async () => {
  const leaving = new AbortController();
  const answer = server.http('/wait-for-abort', { signal: leaving.signal });
  await server.seen('waiting');
  leaving.abort();
  await expect(answer).rejects.toThrow();
  expect(await server.seen('aborted')).toBe('AbortError');
});

test('fails the body of the request when the client leaves before its end', async () => {
  const errorsBefore = await server.total('handlerErrors');
  const client = request(base('/read-body'), { method: 'POST', headers: { 'content-length': '1000' } });
  client.on('error', () => {});
  client.write('only a part');
  await server.seen('reading');
  client.destroy();
  expect(await server.seen('body failed')).toBe('AbortError');
  expect(await server.total('handlerErrors')).toBe(errorsBefore);
});
