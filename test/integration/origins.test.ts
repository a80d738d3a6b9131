import { afterEach, describe, expect, it } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { type HeaderChanges, type HttpAnswer, handshake, RawClient } from '../harness/raw-client.ts';
import { ServerProcess } from '../harness/server-process.ts';

let server: FixtureServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

const startWith = async (options: Parameters<typeof FixtureServer.demo>[0]): Promise<FixtureServer> => {
  server = await FixtureServer.demo(options);
  return server;
};

async function answerTo(port: number, changes: HeaderChanges, path = '/echo'): Promise<HttpAnswer> {
  const raw = await RawClient.connect(port);
  raw.write(handshake(path, changes));
  const answer = await raw.answer();
  raw.leave();
  return answer;
}

const statusOf = async ({ port }: FixtureServer, Origin: string | string[], Host = 'example.com') =>
  (await answerTo(port, { Origin, Host })).status;

const ODD = ['', 'null', '*', 'example.com', 'https://example.com/', 'https://example.com.evil.example'];

describe('without an option, an upgrade', () => {
  it('is allowed when the request has no Origin header', async () => {
    const { port } = await startWith({});
    expect((await answerTo(port, {})).status).toBe(101);
  });

  it('is allowed when the origin is that of the Host header, whatever its scheme', async () => {
    const started = await startWith({});
    expect(await statusOf(started, 'https://example.com')).toBe(101);
    expect(await statusOf(started, 'http://example.com')).toBe(101);
    expect(await statusOf(started, 'https://EXAMPLE.com', 'Example.COM')).toBe(101);
    expect(await statusOf(started, 'https://example.com', 'example.com:443')).toBe(101);
    expect(await statusOf(started, 'http://localhost:3000', 'localhost:3000')).toBe(101);
    expect(await statusOf(started, 'http://[::1]:3000', '[::1]:3000')).toBe(101);
  });

  it('is refused when host or port are others', async () => {
    const started = await startWith({});
    for (const origin of ['https://evil.example', 'https://sub.example.com', 'https://example.com:8443'])
      expect([origin, await statusOf(started, origin)]).toEqual([origin, 403]);
    expect(await statusOf(started, 'http://localhost:3001', 'localhost:3000')).toBe(403);
    expect(await statusOf(started, 'chrome-extension://example.com')).toBe(403);
  });

  it('is refused when the Origin header is no origin, or there are two', async () => {
    const started = await startWith({});
    for (const origin of [...ODD, '\xff', `https://${'a'.repeat(2000)}`])
      expect([origin, await statusOf(started, origin)]).toEqual([origin, 403]);
    expect(await statusOf(started, ['https://example.com', 'https://example.com'])).toBe(403);
    expect(await statusOf(started, ['https://example.com', 'https://evil.example'])).toBe(403);
  });

  it('is refused when the Host header is made to fit', async () => {
    const started = await startWith({});
    expect(await statusOf(started, 'https://evil.example', 'evil.example, example.com')).toBe(403);
    expect(await statusOf(started, 'https://evil.example', 'x@evil.example')).toBe(403);
  });
});

describe('with a list of origins, an upgrade', () => {
  const origins = 'https://App.example.com, http://localhost:8080';

  it('is allowed when its origin is in the list', async () => {
    const started = await startWith({ origins });
    expect(await statusOf(started, 'https://app.example.com')).toBe(101);
    expect(await statusOf(started, 'HTTPS://app.example.com:443')).toBe(101);
    expect(await statusOf(started, 'http://localhost:8080')).toBe(101);
    expect((await answerTo(started.port, {})).status).toBe(101);
  });

  it('is refused when its origin is not in the list, the same origin included', async () => {
    const started = await startWith({ origins });
    for (const origin of ['http://app.example.com', 'https://example.com', 'http://localhost', ...ODD])
      expect([origin, await statusOf(started, origin)]).toEqual([origin, 403]);
  });

  it('is allowed from pages without an origin of their own only when null is in the list', async () => {
    expect(await statusOf(await startWith({ origins: 'null' }), 'null')).toBe(101);
  });

  it('is allowed from anywhere when the list is *', async () => {
    const started = await startWith({ origins: '*' });
    for (const origin of ['https://evil.example', ...ODD]) expect(await statusOf(started, origin)).toBe(101);
  });
});

describe('a refused origin', () => {
  const Origin = 'https://evil.example';

  it('gets 403 with one plain line, and is counted', async () => {
    const started = await startWith({});
    const { status, headers, body } = await answerTo(started.port, { Origin });
    expect([status, body]).toEqual([403, 'this origin is not allowed']);
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await started.total('originsRefused')).toBe(1);
    expect(await started.total('upgradesRejected')).toBe(1);
  });

  it('learns nothing of the paths that there are', async () => {
    const { port } = await startWith({});
    const answers = await Promise.all([
      answerTo(port, { Origin }),
      answerTo(port, { Origin }, '/no/such/path'),
    ]);
    expect(answers.map(({ status, body }) => [status, body])).toEqual([
      [403, 'this origin is not allowed'],
      [403, 'this origin is not allowed'],
    ]);
  });

  it('is told that its handshake is not valid when it is not', async () => {
    const { port } = await startWith({});
    expect((await answerTo(port, { Origin, 'Sec-WebSocket-Version': '12' })).status).toBe(426);
  });

  it('may still ask for a page', async () => {
    const started = await startWith({});
    expect((await started.http('/', { headers: { Origin } })).status).toBe(200);
  });

  it('is logged with its path and its host', async () => {
    const logging = await ServerProcess.start('--workers', '1');
    await answerTo(logging.port, { Origin: `https://${'a'.repeat(500)}.example`, Host: 'example.com' });
    const { level, path, origin, host } = await logging.line('origin refused');
    expect([level, path, host]).toEqual([40, '/echo', 'example.com']);
    expect(origin).toMatch(/^https:\/\/a{192}$/);
    expect(await logging.stop()).toEqual({ code: 0, signal: null });
  });
});
