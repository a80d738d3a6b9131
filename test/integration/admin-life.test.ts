/** The admin server through the life of a server: while it starts, serves, has a loop that is stuck, and stops. */
import { AppLoadError, ListenError, Server, type ServerOptions } from 'polyloop';
import { afterEach, expect, test } from 'vitest';
import { Admin } from '../harness/admin.ts';
import { total } from '../harness/exposition.ts';
import { freePort } from '../harness/free-port.ts';
import { Gate } from '../harness/gate.ts';
import { openOnEachLoop } from '../harness/greeting.ts';
import { Program } from '../harness/program.ts';
import { until } from '../harness/until.ts';

const fixture = (name: string): URL => new URL(`../fixtures/${name}`, import.meta.url);

let server: Server | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const options = async <Changes extends ServerOptions>(changes: Changes) => ({
  app: fixture('supervised.js'),
  workers: 2,
  host: '127.0.0.1',
  port: 0,
  adminPort: await freePort(),
  logLevel: 'silent' as const,
  ...changes,
});

const readiness = async (admin: Admin): Promise<{ status: number; body: string }> => {
  const { status, body } = await admin.ask('/readyz');
  return { status, body };
};

const refusesConnections = (admin: Admin): Promise<boolean> =>
  admin.ask('/healthz').then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
  );

test('is alive and not ready while the app module loads, then ready; nobody may change anything before', async () => {
  const gate = new Gate();
  const given = await options({ app: fixture('waits-at-gate.js') });
  const admin = new Admin(given.adminPort);
  const starting = Server.start(given);
  await gate.arrived(given.workers);
  expect(await readiness(admin)).toEqual({ status: 503, body: 'starting: the server is starting\n' });
  expect((await admin.ask('/healthz')).body).toBe('ok\n');
  expect((await admin.ask('/metrics')).status).toBe(200);
  for (const path of ['/api/reload', '/api/shed', '/api/publish'])
    expect(await admin.post(path, { fraction: 1 })).toEqual({
      status: 503,
      body: { error: 'the server is starting' },
    });
  gate.open();
  server = await starting;
  expect(server.adminPort).toBe(given.adminPort);
  expect(await readiness(admin)).toEqual({ status: 200, body: 'ready\n' });
});

test('is degraded when one of two loops is stuck, says so at once, and still tells everything', async () => {
  const given = await options({});
  server = await Server.start(given);
  const admin = new Admin(server.adminPort);
  const greeted = await openOnEachLoop(`ws://127.0.0.1:${server.port}/`, 2);
  greeted.get(1)?.client.send('block');
  await until(async () => (await admin.ask('/readyz')).body !== 'ready\n');
  expect(await readiness(admin)).toEqual({ status: 200, body: 'degraded: loop 1 does not turn\n' });
  expect((await admin.ask('/healthz')).body).toBe('ok\n');
  const metrics = await admin.metrics();
  expect(total(metrics, 'polyloop_loop_up', { loop: '0' })).toBe(1);
  expect(total(metrics, 'polyloop_loop_up', { loop: '1' })).toBe(0);
  expect(total(metrics, 'polyloop_loop_heartbeat_age_seconds', { loop: '1' })).toBeGreaterThan(1.9);
  expect((await admin.status()).loops[1]).toMatchObject({ isStale: true, lastActivity: 'onText' });
  expect(await admin.post('/api/publish', { channel: 'a', data: 'b' })).toMatchObject({ status: 200 });
  for await (const { state } of admin.events()) if (state === 'ready') break;
  // The watchdog sees it at its next look.
  await until(async () => (await admin.status()).events.some(({ text }) => text === 'loop turns again'));
  const later = await admin.metrics();
  const ofLoop = (suffix: string, labels = {}) =>
    total(later, `polyloop_loop_lag_seconds_${suffix}`, { loop: '1', ...labels });
  expect(ofLoop('count') - ofLoop('bucket', { le: '2.5' })).toBe(1);
});

test('is unready when fewer than half of the loops turn', async () => {
  server = await Server.start(await options({ workers: 1 }));
  const admin = new Admin(server.adminPort);
  const [greeted] = (await openOnEachLoop(`ws://127.0.0.1:${server.port}/`, 1)).values();
  greeted?.client.send('block');
  await until(async () => (await admin.ask('/readyz')).status === 503);
  expect(await readiness(admin)).toEqual({ status: 503, body: 'unready: loop 0 does not turn\n' });
  await until(async () => (await admin.ask('/readyz')).status === 200);
});

test('answers, and is not ready, while connections are drained; then ends the streams and the port', async () => {
  server = await Server.start(await options({ app: fixture('never-finishes.js'), drainTimeoutMs: 8000 }));
  const admin = new Admin(server.adminPort);
  const states: string[] = [];
  const listening = (async () => {
    for await (const { state } of admin.events()) states.push(state);
  })();
  await until(() => states.length > 0);
  const closing = server.close();
  expect(await readiness(admin)).toEqual({ status: 503, body: 'draining: the server is draining\n' });
  expect((await admin.ask('/healthz')).status).toBe(200);
  expect((await admin.ask('/metrics')).status).toBe(200);
  expect(await admin.post('/api/reload', '')).toEqual({
    status: 503,
    body: { error: 'the server is draining' },
  });
  await Promise.all([closing, server.close()]);
  await listening;
  expect(states.at(-1)).toBe('draining');
  expect(await refusesConnections(admin)).toBe(true);
});

test('reloads every loop, sheds connections and publishes when asked to', async () => {
  server = await Server.start(await options({ drainTimeoutMs: 300 }));
  const admin = new Admin(server.adminPort);
  const greeted = await openOnEachLoop(`ws://127.0.0.1:${server.port}/`, 2);
  const closed = [...greeted.values()].map(({ client }) => client.closed);
  expect(await admin.post('/api/shed', { fraction: 1 })).toEqual({
    status: 200,
    body: { ok: true, closed: 2 },
  });
  expect((await Promise.all(closed)).map(({ code }) => code)).toEqual([1012, 1012]);
  expect(await admin.post('/api/reload', '')).toEqual({ status: 200, body: { ok: true } });
  expect(server.loops().map(({ generation }) => generation)).toEqual([2, 2]);
  expect(await admin.post('/api/publish', { channel: 'a', data: 'x'.repeat(12 * 1024 * 1024) })).toEqual({
    status: 422,
    body: { ok: false, reason: 'too-large', error: 'too-large' },
  });
  const { restarts, publishes, events } = await admin.status();
  expect(restarts).toEqual({ error: 0, exit: 0, heap: 0, ended: 0, reload: 2 });
  expect(publishes).toEqual({ accepted: 0, refused: 1 });
  expect(events.map(({ number, text, loop }) => ({ number, text, loop }))).toEqual([
    { number: 1, text: 'reloading', loop: null },
    { number: 2, text: 'loop reloaded', loop: 0 },
    { number: 3, text: 'loop reloaded', loop: 1 },
    { number: 4, text: 'reloaded', loop: null },
  ]);
});

test('never serves the app, and the port of the app never serves its paths', async () => {
  server = await Server.start(await options({ app: fixture('counted-app.js') }));
  const admin = new Admin(server.adminPort);
  const app = new Admin(server.port);
  for (const path of ['/healthz', '/readyz', '/metrics', '/api/loops', '/api/events', '/api/reload'])
    expect((await app.ask(path)).status).toBe(404);
  expect((await app.ask('/api/reload', { method: 'POST' })).status).toBe(404);
  for (const path of ['/refused', '/fails']) expect((await admin.ask(path)).status).toBe(404);
  expect(server.loops().map(({ generation }) => generation)).toEqual([1, 1]);
});

test('has none, and opens no port, when the port is 0', async () => {
  server = await Server.start(await options({ adminPort: 0 }));
  expect(server.adminPort).toBeNull();
});

test('leaves nothing behind when the app module does not load, or the address is taken', async () => {
  const given = await options({});
  server = await Server.start(given);
  const adminPort = await freePort();
  const taken = { ...given, port: server.port, adminPort };
  await expect(Server.start(taken)).rejects.toBeInstanceOf(ListenError);
  expect(await refusesConnections(new Admin(adminPort))).toBe(true);
  const broken = { ...given, app: fixture('broken/setup-throws.js'), adminPort };
  await expect(Server.start(broken)).rejects.toBeInstanceOf(AppLoadError);
  expect(await refusesConnections(new Admin(adminPort))).toBe(true);
  // Its own port is taken: the loops have not been started.
  await expect(Server.start(given)).rejects.toThrow(`127.0.0.1:${given.adminPort}: the port is in use`);
  expect(await readiness(new Admin(given.adminPort))).toEqual({ status: 200, body: 'ready\n' });
});

test('keeps no program alive that has closed its server', async () => {
  const adminPort = await freePort();
  const program = new Program('embedding.js', 'serve', String(adminPort));
  await program.message();
  expect((await new Admin(adminPort).ask('/metrics')).status).toBe(200);
  program.tell('close');
  expect(await program.exit).toEqual({ code: 0, signal: null });
});
