/** That the totals of `/metrics` are exact, and never go back, whatever becomes of the loops meanwhile. */
import { afterEach, expect, test } from 'vitest';
import { Admin } from '../harness/admin.ts';
import type { Client } from '../harness/client.ts';
import { growing, total } from '../harness/exposition.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { freePort } from '../harness/free-port.ts';
import { type Greeted, openGreeted } from '../harness/greeting.ts';
import { until } from '../harness/until.ts';

const LOOPS = 8;
const CONNECTIONS = 64;
/** In two halves. */
const MESSAGES = 10_000;
/** One message in so many is published, the others are echoed. */
const ONE_IN = 20;
const BY_PRIMARY = 10;

let server: FixtureServer;
afterEach(() => server.close());

/** Scrapes without a pause, until stopped, and gives each series that was less than before. */
function watch(admin: Admin): () => Promise<string[]> {
  const wentBack: string[] = [];
  let isOver = false;
  let before = new Map<string, number>();
  const watching = (async () => {
    while (!isOver) {
      const now = growing(await admin.metrics());
      for (const [series, value] of before) {
        const later = now.get(series);
        if (later === undefined || later < value) wentBack.push(`${series}: ${value}, then ${later}`);
      }
      before = now;
    }
  })();
  return async () => {
    isOver = true;
    await watching;
    return wentBack;
  };
}

/** What the clients of a test have done. */
const did = { opened: 0, received: 0, receivedBytes: 0, sent: 0, sentBytes: 0, published: 0, deliveries: 0 };

async function openAll(count: number): Promise<Greeted[]> {
  const greeted = await Promise.all(Array.from({ length: count }, () => openGreeted(server.url('/'))));
  did.opened += count;
  did.sent += count;
  for (const { greeting } of greeted) did.sentBytes += JSON.stringify(greeting).length;
  return greeted;
}

function delivered(text: string, clients: number): void {
  did.deliveries += clients;
  did.sent += clients;
  did.sentBytes += text.length * clients;
}

/** Sends that many messages over all clients, and waits until everything that comes of them has come. */
async function exchange(clients: readonly Client[], messages: number): Promise<void> {
  const expected = clients.map(() => 0);
  let published = 0;
  for (let number = 0; number < messages; number++) {
    const isNews = number % ONE_IN === 0;
    const text = `${isNews ? 'news: ' : ''}${'x'.repeat(number % 100)}${number}`;
    const at = number % clients.length;
    clients[at]?.send(text);
    did.received++;
    did.receivedBytes += text.length;
    if (isNews) {
      published++;
      delivered(text, clients.length);
    } else {
      did.sent++;
      did.sentBytes += text.length;
      expected[at] = (expected[at] ?? 0) + 1;
    }
  }
  did.published += published;
  await Promise.all(
    clients.map(async (client, at) => {
      for (let count = (expected[at] ?? 0) + published; count > 0; count--) await client.next();
    }),
  );
}

test('totals are exact and never go back when a loop fails, and all are reloaded, while messages flow', async () => {
  server = await FixtureServer.start('counted-app.js', {
    workers: LOOPS,
    placement: 'round-robin',
    adminPort: await freePort(),
  });
  const admin = new Admin(server.server.adminPort);
  const stopWatching = watch(admin);

  const first = await openAll(CONNECTIONS);
  expect(new Set(first.map(({ greeting }) => greeting.loop)).size).toBe(LOOPS);
  await exchange(
    first.map(({ client }) => client),
    MESSAGES / 2,
  );

  const [culprit] = first as [Greeted];
  const { loop } = culprit.greeting;
  culprit.client.send('fail');
  did.received++;
  did.receivedBytes += 'fail'.length;
  const lost = first.filter(({ greeting }) => greeting.loop === loop);
  await Promise.all(lost.map(({ client }) => client.closed));
  await until(() => server.server.loops()[loop]?.state === 'ready' && server.generations[loop] === 2);
  const rest = first.filter((one) => !lost.includes(one));
  const clients = [...rest, ...(await openAll(lost.length))].map(({ client }) => client);
  await exchange(clients, MESSAGES / 4);

  await server.server.reload();
  await Promise.all(clients.map(({ closed }) => closed));
  const last = (await openAll(CONNECTIONS)).map(({ client }) => client);
  await exchange(last, MESSAGES / 4);
  for (let number = 0; number < BY_PRIMARY; number++) {
    if (number % 2 === 0) server.server.publish('news', `${number}`);
    else await admin.post('/api/publish', { channel: 'news', data: `${number}` });
    delivered(`${number}`, CONNECTIONS);
  }
  for (const client of last) for (let number = 0; number < BY_PRIMARY; number++) await client.next();

  // All that the loops have counted by now is written.
  await server.total('messagesIn');
  const metrics = await admin.metrics();
  expect(await stopWatching()).toEqual([]);
  const sums = {
    opened: total(metrics, 'polyloop_connections_opened_total'),
    received: total(metrics, 'polyloop_messages_received_total'),
    receivedBytes: total(metrics, 'polyloop_received_bytes_total'),
    sent: total(metrics, 'polyloop_messages_sent_total'),
    sentBytes: total(metrics, 'polyloop_sent_bytes_total'),
    published: total(metrics, 'polyloop_publishes_total') - BY_PRIMARY,
    deliveries: total(metrics, 'polyloop_deliveries_total'),
  };
  expect(sums).toEqual(did);
  expect(did.received).toBe(MESSAGES + 1);
  expect(total(metrics, 'polyloop_publishes_total', { loop: 'primary' })).toBe(BY_PRIMARY);
  expect(total(metrics, 'polyloop_upgrade_duration_seconds_count')).toBe(did.opened);
  expect(total(metrics, 'polyloop_connections')).toBe(CONNECTIONS);
  expect(total(metrics, 'polyloop_handler_errors_total')).toBe(1);
  expect(total(metrics, 'polyloop_loop_restarts_total', { cause: 'error' })).toBe(1);
  expect(total(metrics, 'polyloop_loop_restarts_total', { cause: 'reload' })).toBe(LOOPS);
  expect(total(metrics, 'polyloop_loop_restarts_total')).toBe(LOOPS + 1);
  expect(total(metrics, 'polyloop_loop_generation', { loop: String(loop) })).toBe(3);
  expect(total(metrics, 'polyloop_loop_generation')).toBe(2 * LOOPS + 1);
  expect(total(metrics, 'polyloop_loop_up')).toBe(LOOPS);
});
