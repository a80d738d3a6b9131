import { afterAll, beforeAll, expect, test } from 'vitest';
import { Client } from '../harness/client.ts';
import { startExample } from '../harness/example.ts';
import type { ServerProcess } from '../harness/server-process.ts';

let server: ServerProcess;

beforeAll(async () => {
  server = await startExample('examples/thumbnail/app.js', 2);
});

afterAll(async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

/** The left half black, the right half white. */
function picture(width: number, height: number): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(width * height * 4);
  for (let at = 0; at < width * height; at++)
    pixels.set(at % width < width / 2 ? [0, 0, 0, 255] : [255, 255, 255, 255], at * 4);
  return pixels;
}

const post = (query: string, body: Uint8Array<ArrayBuffer>): Promise<Response> =>
  fetch(server.url(`/?${query}`).replace('ws:', 'http:'), { method: 'POST', body });

test('makes the mean of the pixels when a picture comes by HTTP', async () => {
  const response = await post('width=100&height=50&size=4', picture(100, 50));
  expect(response.headers.get('x-size')).toBe('4x2');
  const row = [0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255];
  expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([...row, ...row]);
});

test('says so when a picture is not as large as it says', async () => {
  const response = await post('width=100&height=51&size=4', picture(100, 50));
  expect([response.status, await response.text()]).toEqual([
    400,
    'the picture has another size than it says',
  ]);
});

test('sends a thumbnail back when a picture comes by WebSocket', async () => {
  const client = await Client.open(server.url('/'));
  const header = new Uint8Array(8);
  new DataView(header.buffer).setUint32(0, 128, true);
  new DataView(header.buffer).setUint32(4, 64, true);
  client.send(Buffer.concat([header, picture(128, 64)]));
  const small = await client.next();
  expect(small.length).toBe(64 * 32 * 4);
  expect([...small.slice(0, 4)]).toEqual([0, 0, 0, 255]);
  expect([...small.slice(-4)]).toEqual([255, 255, 255, 255]);
});
