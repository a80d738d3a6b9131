import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { handshake, RawClient } from '../harness/raw-client.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const COUNT = process.env.POLYLOOP_STRESS === '1' ? 5000 : 300;
/** Connecting all at once would only fill the queue of the listening socket. */
const AT_ONCE = 250;
const HANDSHAKE_SECONDS = 3;
/** uWebSockets.js gives a request head 10 s, and looks every 4 s. */
const HEAD_SECONDS = 14;
const DRIP_MS = 500;
/** What answering so many, and a busy machine, may take beside. */
const SLACK_SECONDS = 10;
const HEAD = handshake('/echo');

let server: ServerProcess;
let neighbour: Client;
beforeEach(async () => {
  server = await ServerProcess.start(
    ...['--app', 'test/fixtures/limits-app.js', '--workers', '2'],
    ...['--handshake-timeout', `${HANDSHAKE_SECONDS}`, '--log-level', 'info'],
  );
  neighbour = await Client.open(server.url('/echo'));
});
afterEach(async () => {
  neighbour.socket.terminate();
  expect((await server.stop()).code).toBe(0);
});

async function connectMany(send: (client: RawClient, n: number) => void): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  while (clients.length < COUNT) {
    const some = await Promise.all(Array.from({ length: AT_ONCE }, () => RawClient.connect(server.port)));
    for (const client of some) send(client, clients.push(client));
  }
  return clients;
}

/** Others are served, and come in, as if nothing were. */
async function expectService(): Promise<void> {
  const client = await Client.open(server.url('/echo'));
  for (const one of [client, neighbour]) {
    one.send('hello');
    expect(await one.next()).toBe('hello');
  }
  client.socket.terminate();
}

/** All are gone within that time of `startMs`, while others go on being served. */
async function expectGone(clients: readonly RawClient[], startMs: number, seconds: number): Promise<void> {
  let left = clients.length;
  for (const { ended } of clients) void ended.then(() => left--);
  while (left > 0) {
    await expectService();
    if (performance.now() - startMs > (seconds + SLACK_SECONDS) * 1000) break;
    await new Promise((resolve) => setTimeout(resolve, DRIP_MS));
  }
  expect(left).toBe(0);
}

describe('handshakes that are left half open', () => {
  it('keep nobody out, and are gone soon, when part of the head is missing', async () => {
    const clients = await connectMany((client, n) => client.write(HEAD.slice(0, (n % 3) * 40)));
    const startMs = performance.now();
    // A third of them goes on, slowly: no byte gives it more time.
    let at = 80;
    const drip = setInterval(() => {
      for (let i = 1; i < clients.length; i += 3) clients[i]?.socket.write(HEAD.slice(at, at + 1));
      at++;
    }, DRIP_MS);
    await expectGone(clients, startMs, HEAD_SECONDS);
    clearInterval(drip);
  }, 60_000);

  it('keep nobody out, and are gone when the handshake time is over, when shouldUpgrade never decides', async () => {
    const clients = await connectMany((client) => client.write(handshake('/undecided')));
    const answers = Promise.all(clients.map((client) => client.answer()));
    await expectGone(clients, performance.now(), HANDSHAKE_SECONDS);
    expect(new Set((await answers).map(({ status }) => status))).toEqual(new Set([503]));
    await until(() => server.lines.some((line) => line.limit === 'handshakeTimeoutMs'));
  }, 60_000);
});
