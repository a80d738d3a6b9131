/** What the admin server answers, path by path. */
import type { PublishRefusal, ServerState } from 'polyloop';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Administration, administration } from '../../harness/administered.ts';
import { readExposition } from '../../harness/exposition.ts';
import { sampleStatus } from '../../harness/sample-status.ts';

const JSON_TYPE = 'application/json; charset=utf-8';
const TEXT_TYPE = 'text/plain; charset=utf-8';
const READABLE = {
  '/healthz': TEXT_TYPE,
  '/readyz': TEXT_TYPE,
  '/metrics': 'text/plain; version=0.0.4; charset=utf-8',
  '/api/loops': JSON_TYPE,
  '/': 'text/html; charset=utf-8',
};
const ACTIONS = ['/api/reload', '/api/shed', '/api/publish'];
const MIB = 1024 * 1024;

let of: Administration;
beforeEach(async () => {
  of = await administration();
});
afterEach(() => of.server.close());

describe('reading', () => {
  it.each(Object.entries(READABLE))('answers %s with %s, whatever the query', async (path, type) => {
    for (const target of [path, `${path}?x=1`]) {
      const answer = await of.admin.ask(target);
      expect(answer).toMatchObject({ status: 200, headers: { 'content-type': type } });
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      expect(answer.body).not.toBe('');
    }
  });

  it.each(Object.entries(READABLE))(
    'answers HEAD of %s with the same headers and no body',
    async (path, type) => {
      const answer = await of.admin.ask(path, { method: 'HEAD' });
      expect(answer).toMatchObject({ status: 200, headers: { 'content-type': type }, body: '' });
      expect(Number(answer.headers['content-length'])).toBeGreaterThan(0);
    },
  );

  it.each(
    Object.keys(READABLE)
      .concat('/api/events')
      .flatMap((path) => ['POST', 'PUT', 'DELETE'].map((method) => [method, path])),
  )('answers 405 and says what is allowed when asked to %s %s', async (method = '', path = '') => {
    const answer = await of.admin.ask(path, { method, body: method === 'POST' ? '{}' : '' });
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD', 'content-type': JSON_TYPE } });
  });

  it.each(['/nothing', '/api', '/api/loops/', '//metrics', '/%6detrics', '/../metrics', '/api/reload/x'])(
    'answers 404 when there is nothing at %s',
    async (path) => {
      for (const method of ['GET', 'POST', 'HEAD'])
        expect(await of.admin.ask(path, { method })).toMatchObject({
          status: 404,
          headers: { 'content-type': JSON_TYPE },
        });
    },
  );

  it('tells the status when asked for the loops', async () => {
    expect(await of.admin.status()).toEqual(JSON.parse(JSON.stringify(sampleStatus())));
  });

  it('answers 500 with the reason, and goes on, when the status cannot be read', async () => {
    of.fake.status = () => {
      throw new Error('no status today');
    };
    for (const path of ['/metrics', '/api/loops', '/readyz', '/api/events'])
      expect(await of.admin.ask(path)).toMatchObject({ status: 500, body: '{"error":"no status today"}\n' });
    expect((await of.admin.ask('/healthz')).body).toBe('ok\n');
  });

  it('gives each of several scrapes at once a whole exposition', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => of.admin.ask('/metrics')));
    for (const { body } of answers) expect(readExposition(body).length).toBeGreaterThan(40);
  });
});

describe('/readyz', () => {
  it.each<[ServerState, string | null, number]>([
    ['starting', 'the server is starting', 503],
    ['ready', null, 200],
    ['degraded', 'loop 1 is ended', 200],
    ['unready', 'loop 0 does not turn, loop 1 is ended', 503],
    ['draining', 'the server is draining', 503],
  ])('answers when the server is %s', async (state, detail, status) => {
    of.fake.status = () => sampleStatus({ state, detail });
    const body = detail === null ? `${state}\n` : `${state}: ${detail}\n`;
    expect(await of.admin.ask('/readyz')).toMatchObject({ status, body });
    expect((await of.admin.ask('/healthz')).status).toBe(200);
  });
});

describe('acting', () => {
  it.each(ACTIONS)('answers 405 and says what is allowed when %s is not posted to', async (path) => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE'])
      expect(await of.admin.ask(path, { method })).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(of.fake.done).toEqual([]);
  });

  it.each(
    ACTIONS.flatMap((path) => (['starting', 'draining'] as const).map((state) => [path, state] as const)),
  )('answers 503 to %s when the server is %s', async (path, state) => {
    of.fake.status = () => sampleStatus({ state, detail: `the server is ${state}` });
    const body = { error: `the server is ${state}` };
    expect(await of.admin.post(path, { fraction: 1, channel: 'a', data: '' })).toEqual({ status: 503, body });
    expect(of.fake.done).toEqual([]);
  });

  it('reloads when posted to, with a body or without', async () => {
    for (const body of ['', '{}', 'x'.repeat(MIB)])
      expect(await of.admin.post('/api/reload', body)).toEqual({ status: 200, body: { ok: true } });
    expect(of.fake.done).toEqual(['reload', 'reload', 'reload']);
  });

  it('answers 500 with the reason when a reload fails', async () => {
    of.fake.reload = () => Promise.reject(new Error('no such module'));
    expect(await of.admin.post('/api/reload', '')).toEqual({
      status: 500,
      body: { error: 'no such module' },
    });
  });

  it.each([0, 0.25, 1])('sheds a fraction of %d and says how many were closed', async (fraction) => {
    expect(await of.admin.post('/api/shed', { fraction })).toEqual({
      status: 200,
      body: { ok: true, closed: 3 },
    });
    expect(of.fake.done).toEqual([{ fraction }]);
  });

  it.each([
    {},
    { fraction: -0.1 },
    { fraction: 1.1 },
    { fraction: '1' },
    { fraction: null },
    '{"fraction": 1e999}',
  ])('answers 400 and names the field when the fraction is %j', async (body) => {
    const answer = await of.admin.post('/api/shed', body);
    expect(answer).toEqual({ status: 400, body: { error: 'fraction: give a number from 0 to 1' } });
    expect(of.fake.done).toEqual([]);
  });

  it('publishes text, and bytes in base64', async () => {
    const answer = { status: 200, body: { ok: true, sequence: 7 } };
    expect(await of.admin.post('/api/publish', { channel: 'ä', data: 'grüße' })).toEqual(answer);
    expect(await of.admin.post('/api/publish', { channel: 'b', base64: 'AP8=', compress: false })).toEqual(
      answer,
    );
    expect(of.fake.done).toEqual([
      { channel: 'ä', data: 'grüße', options: {} },
      { channel: 'b', data: Buffer.from([0, 255]), options: { compress: false } },
    ]);
  });

  it.each([
    [{ data: '' }, 'channel'],
    [{ channel: 1, data: '' }, 'channel'],
    [{ channel: 'a' }, 'data'],
    [{ channel: 'a', data: 1 }, 'data'],
    [{ channel: 'a', data: null }, 'data'],
    [{ channel: 'a', data: '', base64: '' }, 'not both'],
    [{ channel: 'a', base64: 'no base64!' }, 'base64'],
    [{ channel: 'a', base64: ['AA=='] }, 'base64'],
    [{ channel: 'a', data: '', compress: 'yes' }, 'compress'],
  ])('answers 400 and names the field when told to publish %j', async (body, word) => {
    const answer = await of.admin.post('/api/publish', body);
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining(word) } });
    expect(of.fake.done).toEqual([]);
  });

  it.each<[PublishRefusal, number]>([
    ['log-full', 503],
    ['too-large', 422],
    ['too-many-channels', 422],
  ])('says why when a publish is refused as %s', async (reason, status) => {
    of.fake.publishResult = { ok: false, reason };
    const answer = await of.admin.post('/api/publish', { channel: 'a', data: 'b' });
    expect(answer).toEqual({ status, body: { ok: false, reason, error: reason } });
  });

  it.each(['', '{', 'null', '[]', '"text"', '1', '{"fraction":1}x', '\u0000'])(
    'answers 400 when the body is %j',
    async (body) => {
      for (const path of ['/api/shed', '/api/publish']) {
        const answer = await of.admin.post(path, body);
        expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining('JSON') } });
      }
      expect(of.fake.done).toEqual([]);
    },
  );

  it('answers 413 and goes on when a body is too large', async () => {
    const answer = await of.admin.post('/api/publish', 'x'.repeat(64 * MIB), { connection: 'keep-alive' });
    expect(answer).toMatchObject({ status: 413, body: { error: expect.stringContaining('bytes') } });
    expect((await of.admin.ask('/healthz')).status).toBe(200);
  });
});
