/** The demo page in a real browser, found as a visitor finds it: by role and label. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isWithoutBrowser, launchBrowser } from '../harness/browser.ts';
import { freePort } from '../harness/free-port.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const LOOPS = 4;
const OPEN_MORE = 'Open 16 more connections';

describe.skipIf(isWithoutBrowser())('the demo page', () => {
  let browser: Browser;
  let server: ServerProcess;
  const more: ServerProcess[] = [];
  let page: Page;
  /** Which loop serves the tab, as the server said it on the wire. */
  let servedBy: number | undefined;
  let problems: string[];
  let urls: string[];

  beforeAll(async () => {
    browser = await launchBrowser();
    server = await ServerProcess.start('--workers', String(LOOPS));
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  beforeEach(async () => {
    servedBy = undefined;
    problems = [];
    urls = [];
    page = await browser.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => urls.push(request.url()));
    page.on('websocket', (socket) => {
      urls.push(socket.url());
      socket.on('framereceived', ({ payload }) => {
        if (!socket.url().includes('/live/')) return;
        const frame = JSON.parse(payload.toString()) as { type: string; loop?: number };
        if (frame.type === 'welcome') servedBy = frame.loop;
      });
    });
  });

  afterEach(async () => {
    await page?.close();
    await Promise.all(more.splice(0).map((other) => other.stop()));
  });

  /** One more server, on a port of its own, for one test. */
  async function serve(port: number, loops: number): Promise<ServerProcess> {
    const other = new ServerProcess(['--host', '127.0.0.1', '--port', `${port}`, '--workers', `${loops}`]);
    more.push(other);
    await other.line('listening');
    return other;
  }

  async function visit(port = server.port): Promise<void> {
    await page.goto(`http://127.0.0.1:${port}/`);
    await connected();
  }

  async function connected(): Promise<void> {
    await page.getByRole('status').filter({ hasText: 'Connected to loop' }).waitFor();
  }

  async function send(text: string): Promise<void> {
    await page.getByLabel('Text to send').fill(text);
    await page.keyboard.press('Enter');
  }

  const tiles = () =>
    page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: /^Loop/ }) });
  const echoes = () => page.getByRole('log', { name: 'Echoed text' }).getByRole('listitem');

  /** What the tiles show, one number per loop. */
  async function shown(noun: 'connection' | 'message'): Promise<number[]> {
    const texts = await tiles().allInnerTexts();
    return texts.map((text) => Number(new RegExp(`(\\d+)\\s+${noun}`).exec(text)?.[1]));
  }

  async function total(noun: 'connection' | 'message'): Promise<number> {
    return (await shown(noun)).reduce((sum, count) => sum + count, 0);
  }

  test('names the loop that serves the tab when it has connected', async () => {
    await visit();
    expect(servedBy).toBeTypeOf('number');
    const serving = page.getByRole('region', { name: 'This tab is served by' });
    expect(await serving.getByText(/^Loop \d+$/).textContent()).toBe(`Loop ${servedBy}`);
    expect(await page.title()).toBe(`Loop ${servedBy} · Polyloop`);
    const marked = page.locator('[aria-current]').getByRole('heading');
    expect(await marked.allInnerTexts()).toEqual([`Loop ${servedBy}`]);
  });

  test('shows every loop side by side, with its state, when it has connected', async () => {
    await visit();
    expect(await tiles().getByRole('heading').allInnerTexts()).toEqual([
      'Loop 0',
      'Loop 1',
      'Loop 2',
      'Loop 3',
    ]);
    expect(await tiles().getByText('ready', { exact: true }).count()).toBe(LOOPS);
  });

  test('shows typed text with its round-trip time when it has come back', async () => {
    await visit();
    await send('hello, loops');
    await echoes().filter({ hasText: 'hello, loops' }).waitFor();
    expect(await echoes().textContent()).toMatch(/^hello, loops\s+\d+\.\d ms$/);
    expect(await page.getByLabel('Text to send').inputValue()).toBe('');
  });

  test('shows text as it was typed when it holds markup and emoji', async () => {
    await visit();
    const text = '<b>bold</b><img src=x onerror=alert(1)> &amp; 👩🏽‍🚀 🇺🇳 é';
    await send(text);
    await echoes().getByText(text, { exact: true }).waitFor();
    expect(await page.getByRole('log', { name: 'Echoed text' }).locator('b, img').count()).toBe(0);
  });

  test('shows more connections spread over all loops when they are asked for', async () => {
    await visit();
    await until(async () => (await total('connection')) === 1);
    const messagesBefore = await total('message');

    await page.getByRole('button', { name: OPEN_MORE }).click();
    await until(async () => (await total('connection')) === 1 + 16);
    expect(Math.min(...(await shown('connection')))).toBeGreaterThan(0);
    await until(async () => (await total('message')) === messagesBefore + 16);
    await page.getByText('16 more are open').waitFor();

    await page.getByRole('button', { name: OPEN_MORE }).click();
    await until(async () => (await total('connection')) === 1 + 32);

    await page.getByRole('button', { name: 'Close them' }).click();
    await until(async () => (await total('connection')) === 1);
  });

  test('reports no error and stays on its origin when everything on it is used', async () => {
    await visit();
    await send('hello');
    await echoes().first().waitFor();
    await page.getByRole('button', { name: OPEN_MORE }).click();
    await page.getByText('16 more are open').waitFor();
    await page.getByRole('button', { name: 'Close them' }).click();
    await page.getByText('16 more are open').waitFor({ state: 'hidden' });
    expect(problems).toEqual([]);
    expect(urls.length).toBeGreaterThan(16);
    expect(urls.filter((url) => new URL(url).host !== `127.0.0.1:${server.port}`)).toEqual([]);
  });

  test('needs no sideways scrolling when the window is as narrow as a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await visit();
    await send('a-word-without-an-end'.repeat(10));
    await echoes().first().waitFor();
    expect(await page.evaluate('document.scrollingElement.scrollWidth')).toBe(390);
  });

  test('connects again and shows the new loops when the server was restarted on its port', async () => {
    const port = await freePort();
    const first = await serve(port, LOOPS);
    await visit(port);
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    await page.getByRole('status').filter({ hasText: 'next try in' }).waitFor();
    await send('typed meanwhile');
    expect(await page.getByLabel('Text to send').inputValue()).toBe('typed meanwhile');

    await serve(port, 2);
    await connected();
    expect(await tiles().getByRole('heading').allInnerTexts()).toEqual(['Loop 0', 'Loop 1']);
    await page.keyboard.press('Enter');
    await echoes().filter({ hasText: 'typed meanwhile' }).waitFor();
  });
});
