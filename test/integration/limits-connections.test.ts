import { afterEach, describe, expect, it } from 'vitest';
import { accepted, attempt, attemptAtOnce, leaveAll, statuses } from '../harness/attempts.ts';
import { Client, refusal } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { until } from '../harness/until.ts';

const LOOPS = 8;
const LIMIT = 10;
const ATTEMPTS = 1000;

let server: FixtureServer;
afterEach(() => server.close());

async function start(options: object): Promise<void> {
  server = await FixtureServer.start('limits-app.js', options);
}

describe('a limit of connections', () => {
  it.each([
    ['from one address', { maxConnectionsPerIp: LIMIT }, 429, 'upgradesOverIp'],
    ['in total', { maxConnections: LIMIT }, 503, 'upgradesOverTotal'],
  ] as const)(
    'lets in exactly so many of a thousand attempts at once, and as many again when they have left: %s',
    async (_, options, status, counter) => {
      await start({ workers: LOOPS, ...options });
      for (let round = 1; round <= 2; round++) {
        const attempts = await attemptAtOnce(server.port, '/echo', ATTEMPTS);
        expect(statuses(attempts)).toEqual({ 101: LIMIT, [status]: ATTEMPTS - LIMIT });
        expect(server.connections).toBe(LIMIT);
        leaveAll(attempts.map(({ client }) => client));
        await until(() => server.connections === 0);
        expect(await server.total(counter)).toBe(round * (ATTEMPTS - LIMIT));
      }
      expect(await server.total('connectionsOpened')).toBe(2 * LIMIT);
    },
  );

  it('says when to ask again, and ends the TCP connection, when it is reached', async () => {
    await start({ maxConnectionsPerIp: 1, maxConnections: 2 });
    const first = await Client.open(server.url('/echo'));
    const { client, answer } = await attempt(server.port, '/echo');
    expect([answer.status, answer.body]).toEqual([429, 'too many connections from this address']);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    await client.ended;
    const second = await Client.open(server.url('/echo'), [], { localAddress: '127.0.0.2' });
    const third = await refusal(server.url('/echo'), [], { localAddress: '127.0.0.3' });
    expect([third.status, third.body]).toEqual([503, 'too many connections']);
    expect(Number(third.headers['retry-after'])).toBeGreaterThan(0);
    expect(await server.total('upgradesRejected')).toBe(2);
    // Plain HTTP is not limited.
    expect((await server.http('/')).status).toBe(200);
    for (const { socket } of [first, second]) socket.terminate();
  });

  it('counts each address by itself', async () => {
    await start({ workers: 2, maxConnectionsPerIp: 2 });
    for (const localAddress of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
      await Client.open(server.url('/echo'), [], { localAddress });
      await Client.open(server.url('/echo'), [], { localAddress });
      expect((await refusal(server.url('/echo'), [], { localAddress })).status).toBe(429);
    }
  });

  it('takes a place from nobody for what is no handshake, or for a path where nothing is', async () => {
    await start({ maxConnections: 1 });
    for (let i = 0; i < 5; i++) expect((await attempt(server.port, '/nowhere')).answer.status).toBe(404);
    const opened = await attempt(server.port, '/echo');
    expect(opened.answer.status).toBe(101);
    expect((await attempt(server.port, '/nowhere')).answer.status).toBe(404);
    leaveAll(accepted([opened]));
  });
});
