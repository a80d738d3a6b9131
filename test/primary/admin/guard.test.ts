/** Who may look, and who may change something. */
import type { IncomingMessage } from 'node:http';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { Guard } from '../../../src/primary/admin/guard.ts';
import { Admin } from '../../harness/admin.ts';
import { type Administration, administration } from '../../harness/administered.ts';

const TOKEN = 'a-token-of-some-length';
const ALLOWED = { status: 200, body: { ok: true } };

let of: Administration;
afterEach(() => of?.server.close());

/** For addresses that not every machine has. */
describe('an address', () => {
  const request = { headers: { host: 'evil.example' } } as IncomingMessage;

  it.each(['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1'])(
    'is loopback when it is %s',
    (address) => {
      expect(new Guard(null, address).denyReading(request)).toMatchObject({ status: 403 });
      expect(new Guard(null, address).denyChange(request)).toBeNull();
    },
  );

  it.each(['0.0.0.0', '::', '10.0.0.1', 'fe80::1', '::ffff:10.0.0.1'])(
    'is not loopback when it is %s',
    (address) => {
      expect(new Guard(null, address).denyReading(request)).toBeNull();
      expect(new Guard(null, address).denyChange(request)).toMatchObject({ status: 403 });
    },
  );
});

const reload = (headers: Record<string, string> = {}): Promise<{ status: number; body: unknown }> =>
  of.admin.post('/api/reload', '', headers);

describe('with a token', () => {
  it.each(['Bearer', 'bearer', 'BEARER'])(
    'allows a change when the token is right, after %s',
    async (scheme) => {
      of = await administration(TOKEN);
      expect(await reload({ authorization: `${scheme} ${TOKEN}` })).toEqual(ALLOWED);
    },
  );

  it.each([
    ['there is none', {}],
    ['it is another one of the same length', { authorization: `Bearer ${TOKEN.replace('a', 'b')}` }],
    ['it is shorter', { authorization: `Bearer ${TOKEN.slice(1)}` }],
    ['it is longer', { authorization: `Bearer ${TOKEN}x` }],
    ['it is empty', { authorization: 'Bearer ' }],
    ['the scheme is another', { authorization: `Basic ${TOKEN}` }],
    ['there is no scheme', { authorization: TOKEN }],
    ['something follows it', { authorization: `Bearer ${TOKEN} x` }],
  ])('answers 401 and does nothing when %s', async (_, headers) => {
    of = await administration(TOKEN);
    const answer = await of.admin.ask('/api/reload', {
      method: 'POST',
      headers: headers as Record<string, string>,
    });
    expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
    expect(answer.body).toContain('--admin-token');
    expect(answer.body).not.toContain(TOKEN);
    expect(of.fake.done).toEqual([]);
  });

  it('asks for it on every address, and lets everybody read', async () => {
    of = await administration(TOKEN, '0.0.0.0');
    expect(await reload()).toMatchObject({ status: 401 });
    expect(await reload({ authorization: `Bearer ${TOKEN}` })).toEqual(ALLOWED);
    expect((await of.admin.ask('/metrics')).status).toBe(200);
  });

  it('allows a page of another origin that knows it', async () => {
    of = await administration(TOKEN);
    const headers = { authorization: `Bearer ${TOKEN}`, origin: 'https://ops.example.com' };
    expect(await reload(headers)).toEqual(ALLOWED);
  });
});

describe('without a token', () => {
  it.each(['127.0.0.1', '127.0.0.2', 'localhost'])('allows a change when the host is %s', async (host) => {
    of = await administration(null, host);
    const answer = { status: 200, body: { ok: true } };
    expect(await new Admin(of.port, host).post('/api/reload', '')).toEqual(answer);
  });

  it.each(['0.0.0.0', '::', ''])(
    'refuses every change when the host is %j, and lets everybody read',
    async (host) => {
      of = await administration(null, host);
      expect(await reload()).toMatchObject({
        status: 403,
        body: { error: expect.stringContaining('--admin-token') },
      });
      expect(of.fake.done).toEqual([]);
      expect((await of.admin.ask('/readyz', { headers: { host: 'node-1.internal:9464' } })).status).toBe(200);
    },
  );

  it.each(['https://evil.example', 'null', 'http://localhost:1', 'https://127.0.0.1'])(
    'refuses a change when a page of %s asks for it',
    async (origin) => {
      of = await administration();
      expect(await reload({ origin })).toMatchObject({
        status: 403,
        body: { error: expect.stringContaining('origin') },
      });
      expect(of.fake.done).toEqual([]);
    },
  );

  it('allows a change when its own page asks for it', async () => {
    of = await administration();
    for (const host of [`127.0.0.1:${of.port}`, `localhost:${of.port}`, `[::1]:${of.port}`])
      expect(await reload({ host, origin: `http://${host}` })).toEqual(ALLOWED);
  });
});

describe('on loopback', () => {
  it.each([
    'evil.example',
    'evil.example:9464',
    'localhost.evil.example',
    'localhost:9464.evil',
    '1.2.3',
    '[evil]',
  ])(
    'refuses to tell or to change anything when it is called %j, as by a page whose name was pointed here',
    async (host) => {
      of = await administration(TOKEN);
      const headers = { host, authorization: `Bearer ${TOKEN}` };
      for (const path of ['/healthz', '/readyz', '/metrics', '/api/loops', '/api/events', '/', '/nothing'])
        expect(await of.admin.ask(path, { headers })).toMatchObject({ status: 403 });
      expect(await reload(headers)).toMatchObject({ status: 403 });
      expect(of.fake.done).toEqual([]);
    },
  );

  it.each(['localhost', 'LOCALHOST:9464', '127.0.0.1', '127.0.0.1:9464', '[::1]', '[::1]:9464', '10.0.0.1'])(
    'answers when it is called %s',
    async (host) => {
      of = await administration();
      expect((await of.admin.ask('/healthz', { headers: { host } })).status).toBe(200);
    },
  );

  it.runIf(
    Object.values(networkInterfaces())
      .flat()
      .some((one) => one?.address === '::1'),
  )('answers over IPv6', async () => {
    of = await administration(TOKEN, '::1');
    expect((await of.admin.ask('/healthz')).status).toBe(200);
    expect(await reload()).toMatchObject({ status: 401 });
  });
});
