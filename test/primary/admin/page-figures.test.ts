/** What the live page makes of status messages, in a real browser, with a script in place of the server. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ServerEvent, ServerStatus } from '../../../src/primary/admin/status.ts';
import { AdminPage } from '../../harness/admin-page.ts';
import { isWithoutBrowser, launchBrowser } from '../../harness/browser.ts';
import { SAMPLE_BACKPLANE } from '../../harness/sample-status.ts';
import { loopStatus, ScriptedAdmin, serverStatus } from '../../harness/scripted-admin.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const NEWER = { pid: 101, startedAt: '2026-01-02T04:00:00.000Z' };

const event = (
  number: number,
  level: ServerEvent['level'],
  loop: number | null,
  text: string,
): ServerEvent => ({
  number,
  at: '2026-01-02T03:04:06.000Z',
  level,
  loop,
  text,
});

/** One of everything that the page can show, at two moments. */
function everything(uptimeMs: number, refused: number): ServerStatus {
  const stale = { isStale: true, heartbeatAgeMs: 7000, lagMs: 5, unreadBytes: 15 * 1024 * 1024 };
  return serverStatus(
    uptimeMs,
    [
      loopStatus(0, { connections: 12_345, heapUsedBytes: 90 * 1024 * 1024 }, { originsRefused: refused }),
      loopStatus(1, stale, { handlerErrors: refused, idleTimeouts: refused }),
      loopStatus(2, { state: 'starting', generation: 3 }, { messagesDropped: refused }),
      loopStatus(3, { state: 'draining' }),
      loopStatus(4, { state: 'ended', generation: 12 }),
    ],
    {
      state: 'degraded',
      detail: 'loop 1 does not turn, loop 2 is starting',
      backplane: SAMPLE_BACKPLANE,
      restarts: { error: refused, exit: 0, heap: 0, ended: 0, reload: 0 },
      events: [
        event(1, 'info', null, 'reloading'),
        event(2, 'warn', 1, 'loop ended'),
        event(3, 'error', 2, 'failed'),
      ],
    },
  );
}

describe.skipIf(isWithoutBrowser())('the live page', () => {
  let browser: Browser;
  let admin: ScriptedAdmin;
  const tabs: AdminPage[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser?.close();
  });

  beforeEach(async () => {
    admin = new ScriptedAdmin();
    await admin.listen();
  });

  afterEach(async () => {
    await Promise.all(tabs.splice(0).map((tab) => tab.close()));
    admin.close();
  });

  /** Time stands still on the page, however slow the machine: what is not told does not count as silence. */
  async function visit(first: ServerStatus, viewport = WIDE, colorScheme: 'light' | 'dark' = 'light') {
    admin.tell(first);
    const tab = await AdminPage.open(browser, admin.url, { viewport, colorScheme }, true);
    tabs.push(tab);
    await tab.health(/^(?!Connecting)/);
    return tab;
  }

  test('shows rates over the real time between two messages when that is not a second', async () => {
    const tab = await visit(serverStatus(1000, [loopStatus(0, {}, { messagesIn: 100 }), loopStatus(1)]));
    await tab.cell('Loop 0', 'In/s', '–');
    admin.tell(
      serverStatus(3000, [loopStatus(0, {}, { messagesIn: 700 }), loopStatus(1, {}, { messagesIn: 41_000 })]),
    );
    await tab.cell('Loop 0', 'In/s', /^300$/);
    await tab.cell('Loop 1', 'In/s', /^20\.5k$/);
    await tab.cell('All', 'In/s', /^20\.8k$/);
  });

  test('shows no rate until there are two messages when the server was restarted', async () => {
    const tab = await visit(serverStatus(1000, [loopStatus(0, {}, { messagesIn: 9000, deliveries: 5 })]));
    admin.tell(serverStatus(2000, [loopStatus(0, {}, { messagesIn: 9010, deliveries: 5 })]));
    await tab.cell('Loop 0', 'In/s', /^10$/);
    // The new one has been up for longer than the old one, and has counted more of one thing and less of the other.
    admin.tell(serverStatus(9000, [loopStatus(0, {}, { messagesIn: 4, deliveries: 90_000 })], NEWER));
    await tab.cell('Loop 0', 'In/s', /^–$/);
    await tab.cell('Loop 0', 'Delivered/s', /^–$/);
    admin.tell(serverStatus(10_000, [loopStatus(0, {}, { messagesIn: 54, deliveries: 90_000 })], NEWER));
    await tab.cell('Loop 0', 'In/s', /^50$/);
    await tab.plot('Messages per second').filter({ hasText: 'lowest 10, highest 50' }).waitFor();
  });

  test('shows rates as they are when two messages come almost at once', async () => {
    const tab = await visit(serverStatus(1000, [loopStatus(0, {}, { messagesIn: 100 })]));
    admin.tell(serverStatus(1001, [loopStatus(0, {}, { messagesIn: 600 })]));
    admin.tell(serverStatus(2000, [loopStatus(0, {}, { messagesIn: 1100 })]));
    await tab.cell('Loop 0', 'In/s', /^1,000$/);
    await tab.plot('Messages per second').filter({ hasText: 'lowest 1,000, highest 1,000' }).waitFor();
  });

  test('shows the backplane when there is one', async () => {
    const tab = await visit(serverStatus(1000, [loopStatus(0)], { backplane: SAMPLE_BACKPLANE }));
    const title = tab.page.getByRole('heading', { name: 'Backplane' });
    await title.waitFor();
    const pairs = await tab.page.locator('#backplane > div').allInnerTexts();
    expect(pairs.map((pair) => pair.split(/\s*\n\s*/))).toEqual([
      ['This node', 'node-a'],
      ['Engine', 'Redis, connected'],
      ['Sent', '20'],
      ['Received', '30'],
      ['Missed', '5'],
      ['Dropped', '4'],
      ['Refused', '6'],
      ['Reconnected', '7'],
      ['Waiting', '2.00 KiB'],
    ]);
    admin.tell(serverStatus(2000, [loopStatus(0)]));
    await title.waitFor({ state: 'hidden' });
  });

  test('says in words how it is when a loop does not turn', async () => {
    const tab = await visit(everything(1000, 0));
    await tab.health(/Degraded\s+loop 1 does not turn/);
    await tab.cell('Loop 1', 'State', /does not turn.*for 7s, last: onText/);
    await tab.cell('Loop 1', 'Lag', /^6\.9 s$/);
    await tab.cell('Loop 1', 'Log unread', /^94 %$/);
    expect(await tab.page.title()).toBe('Degraded · Polyloop');
  });

  test('puts refusals into one entry of the timeline when they are for one reason', async () => {
    const loops = (refused: number) => [loopStatus(0, {}, { originsRefused: refused }), loopStatus(1)];
    const tab = await visit(serverStatus(1000, loops(0)));
    admin.tell(serverStatus(2000, loops(3)));
    await tab.entry('Handshakes refused: origin not allowed', '3 times, loop 0');
    admin.tell(serverStatus(4000, loops(7)));
    await tab.entry('Handshakes refused: origin not allowed', '7 times, loop 0, within 2 s');
    await tab.plot('Refusals per second').filter({ hasText: 'lowest 2.0, highest 3.0' }).waitFor();
    // A minute later it is news again.
    admin.tell(serverStatus(64_000, loops(8)));
    const entries = tab.page.getByRole('listitem').filter({ hasText: 'origin not allowed' });
    await entries.nth(1).waitFor();
    expect(await entries.count()).toBe(2);
  });

  test('says that it has lost the server, and goes on by itself when the server is back', async () => {
    const tab = await visit(serverStatus(1000, [loopStatus(0, { connections: 5 })]));
    admin.forget();
    admin.drop();
    await tab.health(/Connection to the server lost\s+figures are of \d\d:\d\d:\d\d; trying again/);
    await tab.page.clock.resume();
    expect(await tab.page.title()).toBe('Connection to the server lost · Polyloop');
    await tab.cell('Loop 0', 'Connections', /^5$/);
    admin.tell(serverStatus(500, [loopStatus(0, { connections: 1 }), loopStatus(1)], NEWER));
    await tab.health(/Ready\s+all 2 loops serve/);
    await tab.cell('Loop 0', 'Connections', /^1$/);
    await tab.entry('connection to the server lost');
    await tab.entry('the server is another process');
  });

  test('says that it has lost the server when nothing comes any more', async () => {
    const tab = await visit(serverStatus(1000, [loopStatus(0)]));
    await tab.page.clock.runFor(4000);
    await tab.health(/Ready/);
    await tab.page.clock.runFor(1000);
    await tab.health(/Connection to the server lost/);
  });

  test('says that it has lost the server when nothing ever came', async () => {
    const tab = await AdminPage.open(browser, admin.url, {}, true);
    tabs.push(tab);
    await tab.health(/Connecting/);
    await tab.page.clock.runFor(5000);
    await tab.health(/Connection to the server lost\s+trying again/);
  });

  test('plots five minutes and no more when it has been open for longer', async () => {
    const tab = await visit(serverStatus(1000, [loopStatus(0, { connections: 900 })]));
    for (const [second, connections] of [70, 30, 50].entries()) {
      await tab.page.clock.runFor(4000);
      admin.tell(serverStatus(5000 + 4000 * second, [loopStatus(0, { connections })]));
      await tab.cell('Loop 0', 'Connections', new RegExp(`^${connections}$`));
    }
    await tab.plot('Connections').filter({ hasText: 'lowest 30, highest 900' }).waitFor();
    // The first moment is out of sight, the others are not.
    await tab.page.clock.fastForward(290_000);
    await tab.health(/Connection to the server lost/);
    await tab.page.clock.runFor(2000);
    admin.tell(serverStatus(303_000, [loopStatus(0, { connections: 60 })]));
    await tab.plot('Connections').filter({ hasText: 'lowest 30, highest 70' }).waitFor();
  });

  test('gives a screen reader nothing to read out when only figures change', async () => {
    const tab = await visit(serverStatus(1000, [loopStatus(0)]));
    await tab.page.evaluate(`
      window.changes = 0;
      const live = document.querySelectorAll('[role=status], [role=alert], [role=log], [aria-live]');
      for (const region of live)
        new MutationObserver((records) => { window.changes += records.length; })
          .observe(region, { childList: true, characterData: true, subtree: true });
    `);
    for (const count of [1, 2, 3, 4]) {
      admin.tell(
        serverStatus(1000 + count * 1000, [loopStatus(0, { connections: count }, { originsRefused: count })]),
      );
      await tab.cell('Loop 0', 'Connections', new RegExp(`^${count}$`));
    }
    expect(await tab.page.evaluate('changes')).toBe(0);
    const stale = loopStatus(0, { isStale: true });
    admin.tell(serverStatus(9000, [stale], { state: 'unready', detail: 'loop 0 does not turn' }));
    await tab.health(/Unready/);
    expect(await tab.page.evaluate('changes')).toBeGreaterThan(0);
  });

  test.each([
    ['wide', WIDE],
    ['as narrow as a phone', PHONE],
  ] as const)('keeps everything in its place when figures grow and the window is %s', async (_, viewport) => {
    const places = `JSON.stringify([...document.querySelectorAll('h2, h3, th, td, figure, .plot, dt')]
      .map((element) => { const { x, y, width, height } = element.getBoundingClientRect(); return [x, y, width, height]; }))`;
    const tab = await visit(serverStatus(1000, [loopStatus(0), loopStatus(1)]), viewport);
    await tab.cell('Loop 1', 'Connections', /^0$/);
    const before = await tab.page.evaluate(places);
    const much = {
      connections: 9_999,
      lagMs: 949,
      utilization: 1,
      unreadBytes: 15_000_000,
      heapUsedBytes: 98.8 * 1024 * 1024,
      bufferedBytes: 999 * 1024,
    };
    const counters = { messagesIn: 1e9, messagesOut: 2e9, published: 3e8, deliveries: 4e9 };
    const loops = [loopStatus(0, much, counters), loopStatus(1, much, counters)];
    const log = { bytes: 16 * 1024 * 1024, unreadBytes: 15_000_000, writtenBytes: 1e12 };
    admin.tell(serverStatus(86_400_000, loops, { log, residentBytes: 5e9 }));
    await tab.cell('Loop 1', 'Connections', /^9,999$/);
    expect(await tab.page.evaluate(places)).toBe(before);
  });

  test('needs no sideways scrolling when there are many loops and the window is as narrow as a phone', async () => {
    const loops = Array.from({ length: 64 }, (_, id) =>
      loopStatus(id, { connections: 123_456, generation: 99, isStale: id % 2 === 0, heartbeatAgeMs: 29_000 }),
    );
    const tab = await visit(serverStatus(1000, loops), PHONE);
    await tab.cell('Loop 63', 'Connections', /^123k$/);
    expect(await tab.page.getByRole('rowheader').count()).toBe(65);
    expect(await tab.page.evaluate('document.scrollingElement.scrollWidth')).toBe(PHONE.width);
  });

  test.each([
    ['light', 'wide', WIDE],
    ['light', 'as narrow as a phone', PHONE],
    ['dark', 'wide', WIDE],
    ['dark', 'as narrow as a phone', PHONE],
  ] as const)('has no barrier that axe finds when it is %s and %s', async (scheme, _, viewport) => {
    const tab = await visit(everything(1000, 0), viewport, scheme);
    admin.tell(everything(2000, 5));
    await tab.entry('Handler errors', '5 times');
    await tab.page.clock.resume();
    const found = await tab.page.evaluate<{ id: string; impact: string; nodes: { html: string }[] }[]>(
      `${AXE}; axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, nodes })))`,
    );
    expect(
      found.map(({ id, impact, nodes }) => ({ id, impact, html: nodes.map(({ html }) => html) })),
    ).toEqual([]);
    expect(tab.problems).toEqual([]);
  });
});
