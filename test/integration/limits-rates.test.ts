import { afterEach, describe, expect, it } from 'vitest';
import { accepted, attempt, attemptAtOnce, leaveAll, statuses } from '../harness/attempts.ts';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { until } from '../harness/until.ts';

const LIMIT = 20;
const SECOND_MS = 1000;

let server: FixtureServer;
afterEach(() => server.close());

async function start(options: object): Promise<void> {
  server = await FixtureServer.start('limits-app.js', options);
}

/** Sends so many messages at once, and resolves with how many came back before the connection was closed. */
async function flood(client: Client, count: number): Promise<number> {
  for (let i = 0; i < count; i++) client.send(`${i}`);
  await client.closed;
  return client.unread.length;
}

describe('a limit of upgrades per second', () => {
  it('is one for an address over all loops, and says when to ask again', async () => {
    await start({ workers: 4, upgradesPerSecond: LIMIT });
    const startMs = performance.now();
    const attempts = await attemptAtOnce(server.port, '/echo', 10 * LIMIT);
    // All at once, but a slow machine may take longer than a second over it.
    const seconds = Math.floor((performance.now() - startMs) / SECOND_MS) + 1;
    const { 101: opened = 0, 429: refused = 0 } = statuses(attempts);
    expect(opened + refused).toBe(10 * LIMIT);
    expect(opened).toBeGreaterThanOrEqual(LIMIT);
    expect(opened).toBeLessThanOrEqual(seconds * LIMIT);
    expect(await server.total('upgradesOverRate')).toBe(refused);
    const answers = attempts.map(({ answer }) => answer).filter(({ status }) => status === 429);
    expect(new Set(answers.map(({ headers }) => headers.get('retry-after')))).toEqual(new Set(['1']));
    expect(new Set(answers.map(({ body }) => body))).toEqual(
      new Set(['too many upgrades from this address']),
    );
    leaveAll(accepted(attempts));
    const other = await Client.open(server.url('/echo'), [], { localAddress: '127.0.0.2' });
    other.socket.terminate();
  });

  it('lets in again when the second is over', async () => {
    await start({ upgradesPerSecond: 1 });
    const startMs = performance.now();
    let opened = 0;
    while (opened < 3) {
      const { client, answer } = await attempt(server.port, '/echo');
      if (answer.status === 101) opened++;
      client.leave();
    }
    // Three of one per second take two seconds, counted from after the first to before the last.
    expect(performance.now() - startMs).toBeGreaterThan(2 * SECOND_MS - 10);
  });

  it('counts also those that shouldUpgrade refuses', async () => {
    await start({ upgradesPerSecond: 2 });
    const [first, second, third] = await attemptAtOnce(server.port, '/rejected', 3);
    const all = [first, second, third].map((one) => one?.answer.status).sort();
    expect(all).toEqual([403, 403, 429]);
  });
});

describe('a limit of messages per second', () => {
  it('closes a connection that sends more with 1008, and delivers what it allows', async () => {
    await start({ messagesPerSecond: LIMIT });
    const client = await Client.open(server.url('/echo'));
    const startMs = performance.now();
    const echoed = await flood(client, 50 * LIMIT);
    const seconds = (performance.now() - startMs) / SECOND_MS;
    expect(echoed).toBeGreaterThanOrEqual(LIMIT);
    expect(echoed).toBeLessThanOrEqual(LIMIT * (1 + seconds));
    expect(await client.closed).toEqual({ code: 1008, reason: `over messagesPerSecond, which is ${LIMIT}` });
    expect([await server.total('messagesOverRate'), await server.total('messagesIn')]).toEqual([1, echoed]);
  });

  it('counts each connection by itself', async () => {
    await start({ messagesPerSecond: LIMIT });
    const [calm, wild] = [await Client.open(server.url('/echo')), await Client.open(server.url('/echo'))];
    await flood(wild, 50 * LIMIT);
    calm.send('still here');
    expect(await calm.next()).toBe('still here');
    calm.socket.terminate();
  });

  it('counts a message in fragments once, and no control frame', async () => {
    await start({ messagesPerSecond: 1 });
    const client = await Client.open(server.url('/echo'));
    for (let i = 0; i < 10; i++) client.socket.ping();
    for (let i = 0; i < 10; i++) client.socket.send('x', { fin: i === 9 });
    expect(await client.next()).toBe('x'.repeat(10));
    client.socket.terminate();
  });

  it('counts messages of one address on all loops together', async () => {
    await start({ workers: 4, messagesPerSecondPerIp: LIMIT });
    const open = (localAddress: string): Promise<Client> =>
      Client.open(server.url('/echo'), [], { localAddress });
    const clients = await Promise.all(Array.from({ length: 8 }, () => open('127.0.0.1')));
    const stranger = await open('127.0.0.2');
    const startMs = performance.now();
    const echoed = await Promise.all(clients.map((client) => flood(client, 50 * LIMIT)));
    const seconds = Math.floor((performance.now() - startMs) / SECOND_MS) + 1;
    const total = echoed.reduce((sum, count) => sum + count, 0);
    expect(total).toBeGreaterThanOrEqual(LIMIT);
    expect(total).toBeLessThanOrEqual(seconds * LIMIT);
    const reason = `over messagesPerSecondPerIp, which is ${LIMIT}`;
    for (const client of clients) expect(await client.closed).toEqual({ code: 1008, reason });
    expect(await server.total('messagesOverIpRate')).toBe(clients.length);
    stranger.send('still here');
    expect(await stranger.next()).toBe('still here');
    stranger.socket.terminate();
    await until(() => server.connections === 0);
  });
});
