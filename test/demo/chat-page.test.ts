/** The chat of the demo page in real tabs, found as a visitor finds it: by role and label. */
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isWithoutBrowser, launchBrowser } from '../harness/browser.ts';
import { freePort } from '../harness/free-port.ts';
import { Line } from '../harness/line.ts';
import { Member } from '../harness/member.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

/** A tab with the page open in it. */
class Tab {
  readonly page: Page;
  readonly problems: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.problems.push(message.text());
    });
    page.on('pageerror', (error) => this.problems.push(error.message));
  }

  async visit(port: number, room: string, name: string): Promise<void> {
    await this.page.goto(`http://127.0.0.1:${port}/?${new URLSearchParams({ room, name })}`);
    await this.connected();
  }

  async connected(): Promise<void> {
    await this.page.getByRole('status').filter({ hasText: 'Connected to loop' }).waitFor();
  }

  async lost(): Promise<void> {
    await this.page.getByRole('status').filter({ hasText: 'next try in' }).waitFor();
  }

  /** The id of its loop, as it says itself. */
  async loop(): Promise<number> {
    return Number(/Loop (\d+)/.exec(await this.page.title())?.[1]);
  }

  get box(): Locator {
    return this.page.getByLabel('Message to the room');
  }

  get messages(): Locator {
    return this.page.getByRole('log', { name: 'Messages' }).getByRole('listitem');
  }

  get members(): Locator {
    return this.page.getByRole('list', { name: 'Who is here' }).getByRole('listitem');
  }

  async say(text: string): Promise<void> {
    await this.box.fill(text);
    await this.box.press('Enter');
  }

  /** Waits for a message, and gives the whole row. */
  async hears(text: string): Promise<Locator> {
    const row = this.messages.filter({ has: this.page.getByText(text, { exact: true }) });
    await row.waitFor();
    return row;
  }

  /** Waits until the last message is this one, and gives the texts of all: the last line of each row. */
  async allUpTo(text: string): Promise<string[]> {
    await this.messages
      .last()
      .and(await this.hears(text))
      .waitFor();
    return (await this.messages.allInnerTexts()).map((row) => row.split('\n').at(-1) ?? '');
  }
}

describe.skipIf(isWithoutBrowser())('the chat of the demo page', () => {
  const LOOPS = 2;
  let browser: Browser;
  let server: ServerProcess;
  let rooms = 0;
  let room: string;
  let tabs: Tab[];
  let ends: (() => Promise<unknown>)[];

  beforeAll(async () => {
    browser = await launchBrowser();
    server = await ServerProcess.start('--workers', String(LOOPS));
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  beforeEach(() => {
    room = `room ${++rooms}`;
    tabs = [];
    ends = [];
  });

  afterEach(async () => {
    for (const { page } of tabs) await page.close();
    for (const end of ends) await end();
  });

  async function newTab(): Promise<Tab> {
    const tab = new Tab(await browser.newPage());
    tabs.push(tab);
    return tab;
  }

  async function visit(name: string, port = server.port): Promise<Tab> {
    const tab = await newTab();
    await tab.visit(port, room, name);
    return tab;
  }

  /** One tab on each loop; those that open on a loop that has one are closed. */
  async function visitOnEachLoop(): Promise<[Tab, Tab]> {
    const found = new Map<number, Tab>();
    while (found.size < LOOPS) {
      const tab = await visit(`Visitor ${found.size}`);
      const loop = await tab.loop();
      if (found.has(loop)) await tab.page.close();
      else found.set(loop, tab);
    }
    return [found.get(0) as Tab, found.get(1) as Tab];
  }

  const join = (name: string): Promise<Member> =>
    Member.join(server.url(`/chat/${encodeURIComponent(room)}`), name);

  async function line(): Promise<Line> {
    const cuttable = await Line.to(server.port);
    ends.push(() => cuttable.close());
    return cuttable;
  }

  test('shows two tabs the messages of each other when they are on different loops', async () => {
    const [one, two] = await visitOnEachLoop();
    await one.say('hello from loop 0');
    expect(await (await two.hears('hello from loop 0')).innerText()).toMatch(/^Visitor \d loop 0 .*\n/);
    await two.say('hello from loop 1');
    expect(await (await one.hears('hello from loop 1')).innerText()).toMatch(/^Visitor \d loop 1 .*\n/);
    for (const tab of [one, two]) {
      expect(await tab.allUpTo('hello from loop 1')).toEqual(['hello from loop 0', 'hello from loop 1']);
      expect(await tab.box.inputValue()).toBe('');
      expect(tab.problems).toEqual([]);
    }
  });

  test('lists who is here with their loops, as they come and go', async () => {
    const [one, two] = await visitOnEachLoop();
    for (const { members } of [one, two]) await members.nth(1).waitFor();
    expect(await one.members.allInnerTexts()).toEqual(await two.members.allInnerTexts());
    expect((await one.members.allInnerTexts()).join()).toMatch(/^loop 0\s+Visitor \d,loop 1\s+Visitor \d$/);
    await one.page.getByText('2 members on 2 loops').waitFor();
    await two.page.close();
    await one.page.getByText('1 member on 1 loop').waitFor();
    expect(await one.members.allInnerTexts()).toEqual([expect.stringMatching(/^loop 0/)]);
  });

  test('shows what was said before when a visitor comes into the room', async () => {
    const author = await join('Early');
    for (const text of ['one', 'two', 'three']) author.say(text);
    await author.texts(3);
    const tab = await visit('Late');
    expect(await tab.allUpTo('three')).toEqual(['one', 'two', 'three']);
    const isNews = tab.page.getByRole('log', { name: 'Messages' }).and(tab.page.locator('[aria-busy=false]'));
    await isNews.waitFor();
  });

  test('shows what was said meanwhile, and nothing twice, when its connection was cut', async () => {
    const cuttable = await line();
    const author = await join('Other');
    const tab = await visit('Visitor', cuttable.port);
    author.say('before');
    await tab.hears('before');

    cuttable.cut();
    await tab.lost();
    await tab.page.getByText(/^\d members? on \d loops?, when last heard of$/).waitFor();
    for (const text of ['while', 'away']) author.say(text);
    await author.texts(3);
    await tab.say('typed meanwhile');
    expect(await tab.box.inputValue()).toBe('typed meanwhile');

    cuttable.mend();
    await tab.connected();
    await tab.box.press('Enter');
    const all = ['before', 'while', 'away', 'typed meanwhile'];
    expect(await tab.allUpTo('typed meanwhile')).toEqual(all);
    expect(await author.texts(1)).toEqual(['typed meanwhile']);
  });

  test('says which of its own messages may be lost when its connection was cut', async () => {
    const cuttable = await line();
    const tab = await visit('Visitor', cuttable.port);
    await tab.say('gets through');
    await tab.hears('gets through');
    cuttable.mute();
    await tab.say('gets lost');
    cuttable.cut();
    await tab.lost();
    cuttable.mend();
    await tab.hears('“gets lost” may not have reached the room');
    expect(await tab.messages.count()).toBe(2);
  });

  test('says that messages are missing when the server was restarted', async () => {
    const port = await freePort();
    const serve = async (): Promise<ServerProcess> => {
      const other = new ServerProcess(['--host', '127.0.0.1', '--port', `${port}`, '--workers', '2']);
      await other.line('listening');
      return other;
    };
    const first = await serve();
    const tab = await visit('Visitor', port);
    await tab.say('before');
    await tab.hears('before');
    await first.stop();
    await tab.lost();
    const second = await serve();
    ends.push(() => second.stop());
    await tab.connected();
    await tab.hears('Some messages are missing here: the server no longer holds them.');
    await tab.say('after');
    await tab.hears('after');
    expect(await tab.messages.count()).toBe(3);
  });

  test('shows names and text as they were typed when they hold markup', async () => {
    const markup = '<b>x</b><img src=x onerror=alert(1)>';
    const tab = await visit('Reader');
    (await join(markup.slice(0, 30))).say(markup);
    const row = await tab.hears(markup);
    expect(await row.innerText()).toContain(markup.slice(0, 30));
    await tab.members.filter({ hasText: markup.slice(0, 30) }).waitFor();
    expect(await tab.page.locator('img:not([src="/icon.svg"])').count()).toBe(0);
    expect(tab.problems).toEqual([]);
  });

  test('moves to another room under another name when it is told to', async () => {
    const tab = await visit('Visitor');
    await tab.say('in the old room');
    await tab.hears('in the old room');
    await tab.page.getByLabel('Room', { exact: true }).fill('Café & 👩‍🚀?/#');
    await tab.page.getByLabel('Your name').fill('Ada');
    await tab.page.getByRole('button', { name: 'Join' }).click();
    await tab.members.filter({ hasText: 'Ada' }).waitFor();
    await tab.connected();
    await tab.say('in the new room');
    expect(await tab.allUpTo('in the new room')).toEqual(['in the new room']);

    const opened = tab.page.waitForEvent('popup');
    await tab.page.getByRole('link', { name: 'Open this room in a second tab' }).click();
    const second = new Tab(await opened);
    await second.connected();
    await second.hears('in the new room');
    expect(await second.page.getByLabel('Room', { exact: true }).inputValue()).toBe('Café & 👩‍🚀?/#');
    expect(await second.page.getByLabel('Your name').inputValue()).toMatch(/^Guest \d+$/);
    await second.page.close();
  });

  test('keeps what was said and asks for nothing twice when only the name changes', async () => {
    const tab = await visit('Visitor');
    await tab.say('as a visitor');
    await tab.hears('as a visitor');
    await tab.page.getByLabel('Your name').fill('Ada');
    await tab.page.getByLabel('Your name').press('Enter');
    await tab.members.filter({ hasText: 'Ada' }).waitFor();
    await tab.connected();
    await tab.say('as Ada');
    expect(await tab.allUpTo('as Ada')).toEqual(['as a visitor', 'as Ada']);
  });

  test('goes to the lobby when the address asks for a room that no URL can name', async () => {
    room = '..';
    const tab = await visit('Visitor');
    expect(await tab.page.getByLabel('Room', { exact: true }).inputValue()).toBe('lobby');
  });

  test('follows the newest message, unless the visitor has scrolled back', async () => {
    const author = await join('Author');
    const tab = await visit('Reader');
    const log = tab.page.getByRole('log', { name: 'Messages' });
    const fromEnd = (): Promise<number> =>
      log.evaluate((box) => box.scrollHeight - box.clientHeight - box.scrollTop);
    const fromStart = (): Promise<number> => log.evaluate((box) => box.scrollTop);
    for (let i = 1; i <= 30; i++) author.say(`message ${i}`);
    await tab.hears('message 30');
    expect(await fromEnd()).toBeLessThan(2);
    await log.focus();
    await log.press('Home');
    await until(async () => (await fromStart()) === 0);
    author.say('message 31');
    await tab.hears('message 31');
    expect(await fromStart()).toBe(0);
  });

  test('needs no sideways scrolling when the window is as narrow as a phone', async () => {
    const tab = await newTab();
    await tab.page.setViewportSize({ width: 390, height: 844 });
    await tab.visit(server.port, room, 'W'.repeat(30));
    await tab.say('a-word-without-an-end'.repeat(20));
    await tab.members.first().waitFor();
    await tab.messages.first().waitFor();
    expect(await tab.page.evaluate('document.scrollingElement.scrollWidth')).toBe(390);
  });
});
