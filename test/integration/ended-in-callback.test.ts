/** A process of its own: what goes wrong here would take the whole process. */
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { ServerProcess } from '../harness/server-process.ts';

const APP = fileURLToPath(new URL('../fixtures/ending-app.js', import.meta.url));
/** What the client sees. */
const SEEN = { close: { code: 4000, reason: 'ended' }, terminate: { code: 1006, reason: '' } };

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start('--workers', '1', '--app', APP);
});
afterAll(async () => {
  expect((await server.stop()).code).toBe(0);
  expect(server.stderr).toBe('');
});

afterEach(async () => {
  const neighbour = await Client.open(server.url('/echo'));
  neighbour.send('unharmed');
  expect(await neighbour.next()).toBe('unharmed');
  neighbour.socket.terminate();
});

/** Makes the server call the callback. */
const TRIGGERS: Record<string, (client: Client) => void> = {
  onUpgrade: () => {},
  microtask: () => {},
  onText: (client) => client.send('text'),
  onBinary: (client) => client.send(new Uint8Array(1)),
  onMessage: (client) => client.send('text'),
  onPing: ({ socket }) => socket.ping(),
  onPong: ({ socket }) => socket.pong(),
  onDrain: (client) => client.send('fill'),
};
const PLACES = Object.keys(TRIGGERS);

/** The bytes that came before the end, and the end. */
async function endOf(path: string, where: string): Promise<{ received: number; closed: unknown }> {
  const client = new Client(server.url(path));
  let received = 0;
  client.socket.on('message', (data: Buffer) => {
    received += data.length;
  });
  client.socket.once('open', () => TRIGGERS[where]?.(client));
  // Terminated within onUpgrade, it may not even have seen the 101 answer: an error for `ws`, and a 1006 all the same.
  const closed = await new Promise((resolve) => {
    client.socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
  });
  return { received, closed };
}

describe.each(['close', 'terminate'] as const)('%s', (how) => {
  it.each(PLACES)('ends the connection and nothing else when it is called in %s', async (where) => {
    expect((await endOf(`/${how}/${where}`, where)).closed).toEqual(SEEN[how]);
  });

  it.each(['onUpgrade', 'microtask', 'onText'])(
    'ends the connection and nothing else when shouldUpgrade was async and it is called in %s',
    async (where) => {
      expect((await endOf(`/later/${how}/${where}`, where)).closed).toEqual(SEEN[how]);
    },
  );

  it('ends all the others and not the own connection when it is called on each of them', async () => {
    const others = await Promise.all(
      Array.from({ length: 20 }, () => Client.open(server.url(`/crowd/${how}`))),
    );
    const own = await Client.open(server.url(`/crowd/${how}`));
    own.send('now');
    expect(await own.next()).toBe('done');
    for (const other of others) expect(await other.closed).toEqual(SEEN[how]);
    own.send('again');
    expect(await own.next()).toBe('done');
    own.socket.terminate();
  });
});

describe('close', () => {
  // Less than, as much as and more than what uWebSockets.js gathers before it writes, and more than the system takes at once.
  it.each(
    ['onUpgrade', 'onText'].flatMap((where) =>
      [1, 16_000, 16_384, 100_000, 1_000_000].map((bytes) => [bytes, where] as const),
    ),
  )(
    'comes after the message of %i bytes that was sent before it when both are in %s',
    async (bytes, where) => {
      const expected = { received: bytes, closed: SEEN.close };
      expect(await endOf(`/close/${where}?bytes=${bytes}`, where)).toEqual(expected);
      expect(await endOf(`/later/close/${where}?bytes=${bytes}`, where)).toEqual(expected);
    },
  );
});

describe('terminate', () => {
  it.each(
    ['onUpgrade', 'onText'].flatMap((where) =>
      [1, 100_000, 1_000_000].map((bytes) => [bytes, where] as const),
    ),
  )('ends the connection when a message of %i bytes was sent before it in %s', async (bytes, where) => {
    expect((await endOf(`/terminate/${where}?bytes=${bytes}`, where)).closed).toEqual(SEEN.terminate);
    expect((await endOf(`/later/terminate/${where}?bytes=${bytes}`, where)).closed).toEqual(SEEN.terminate);
  });
});
