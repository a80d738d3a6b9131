/** The live page in a browser tab, read as its users read it. */
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';

const START = Date.parse('2026-01-02T03:04:05Z');

export class AdminPage {
  readonly page: Page;
  /** What the browser complains about. */
  readonly problems: string[] = [];
  readonly requested: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.problems.push(message.text());
    });
    page.on('pageerror', (error) => this.problems.push(error.message));
    page.on('request', (request) => this.requested.push(request.url()));
  }

  /** `isTimeless`: the page's clock stands still until the test moves it. */
  static async open(
    browser: Browser,
    url: string,
    options: BrowserContextOptions = {},
    isTimeless = false,
  ): Promise<AdminPage> {
    const context = await browser.newContext(options);
    const page = new AdminPage(await context.newPage());
    if (isTimeless) {
      await page.page.clock.install({ time: START });
      await page.page.clock.pauseAt(START + 1000);
    }
    await page.page.goto(url);
    return page;
  }

  /** Waits until the line at the top says so. */
  async health(text: RegExp): Promise<void> {
    await this.page.getByRole('status').filter({ hasText: text }).waitFor();
  }

  row(name: string): Locator {
    return this.page
      .getByRole('row')
      .filter({ has: this.page.getByRole('rowheader', { name, exact: true }) });
  }

  /** Waits until a cell of the table of loops has this text. */
  async cell(row: string, column: string, text: RegExp | string): Promise<void> {
    const columns = await this.page.getByRole('columnheader').allTextContents();
    // The first cell of a row is its header.
    const cell = this.row(row)
      .getByRole('cell')
      .nth(columns.indexOf(column) - 1);
    await cell.filter({ hasText: text }).waitFor();
  }

  /** Waits until the timeline has an entry with all of these. */
  async entry(...texts: (string | RegExp)[]): Promise<void> {
    let entry = this.page.getByRole('region', { name: 'Entries of the timeline' }).getByRole('listitem');
    for (const hasText of texts) entry = entry.filter({ hasText });
    await entry.first().waitFor();
  }

  /** What a plot says in words. */
  plot(title: string): Locator {
    return this.page.locator('figure', { hasText: title });
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
