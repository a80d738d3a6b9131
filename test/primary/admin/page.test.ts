/** The live page of a real server in a real browser, while its loops are harmed. */
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AdminPage } from '../../harness/admin-page.ts';
import { isWithoutBrowser, launchBrowser } from '../../harness/browser.ts';
import type { Client } from '../../harness/client.ts';
import { freePort } from '../../harness/free-port.ts';
import { openGreeted } from '../../harness/greeting.ts';
import { ServerProcess } from '../../harness/server-process.ts';

const APP = fileURLToPath(new URL('../../fixtures/faults-app.js', import.meta.url));
const LOOPS = 3;
/** Several times as long as it takes for a loop to count as stuck. */
const BLOCK_MS = 8000;

describe.skipIf(isWithoutBrowser())('the live page of a server', () => {
  let browser: Browser;
  let server: ServerProcess;
  let url: string;
  let tab: AdminPage;

  beforeAll(async () => {
    browser = await launchBrowser();
    const port = String(await freePort());
    server = await ServerProcess.start('--workers', String(LOOPS), '--app', APP, '--admin-port', port);
    url = `http://127.0.0.1:${port}/`;
    tab = await AdminPage.open(browser, url);
    await tab.health(new RegExp(`Ready\\s+all ${LOOPS} loops serve`));
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** A connection, and the row of the loop that serves it. */
  async function open(path: string): Promise<{ client: Client; loop: string }> {
    const { client, greeting } = await openGreeted(server.url(path));
    return { client, loop: `Loop ${greeting.loop}` };
  }

  test('shows figures that change when there is traffic', async () => {
    await tab.cell('All', 'Connections', /^0$/);
    await tab.cell('All', 'Published/s', /^0$/);
    const { client: listener, loop } = await open('/');
    const { client: control } = await open('/control');
    control.send('publish: 20');
    await tab.cell('All', 'Connections', /^2$/);
    await tab.cell('All', 'Published/s', /[1-9]/);
    await tab.cell(loop, 'Delivered/s', /[1-9]/);
    await tab
      .plot('Deliveries per second')
      .filter({ hasText: /highest [1-9]/ })
      .waitFor();
    control.send('stop');
    await tab.cell('All', 'Published/s', /^0$/);
    listener.socket.close();
    control.socket.close();
    await tab.cell('All', 'Connections', /^0$/);
  });

  test('shows that a loop does not turn, and all others, when user code blocks it', async () => {
    const { client, loop } = await open('/');
    client.send(`block: ${BLOCK_MS}`);
    await tab.cell(loop, 'State', /does not turn.*last: onText/);
    await tab.health(/Degraded\s+loop \d does not turn/);
    await tab.cell('All', 'State', `${LOOPS - 1} of ${LOOPS} ready`);
    await tab.entry('warning', 'loop does not turn', loop.toLowerCase());
    await tab.cell(loop, 'State', /^ready/);
    await tab.health(/Ready/);
    client.socket.close();
  });

  test('shows which loop was replaced, and why, when user code has called process.exit', async () => {
    const { client, loop } = await open('/');
    await tab.cell(loop, 'Generation', /^1$/);
    client.send('exit');
    await tab.cell(loop, 'Generation', /^2$/);
    await tab.cell(loop, 'State', /^ready, replaced \d+s ago$/);
    await tab.entry('restart', 'process.exit in user code');
    await tab.entry('loop replaced', loop.toLowerCase());
  });

  test('reports no error and stays on its origin whatever happens to the loops', () => {
    expect(tab.problems).toEqual([]);
    expect(tab.requested.length).toBeGreaterThan(10);
    expect(tab.requested.filter((one) => !one.startsWith(url))).toEqual([]);
  });
});
