import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { isWithoutBrowser, launchBrowser } from '../harness/browser.ts';
import { Client } from '../harness/client.ts';
import { NO_NATS } from '../harness/nats-server.ts';
import { NO_REDIS } from '../harness/redis-server.ts';
import { until } from '../harness/until.ts';

const FILE = 'examples/two-nodes/run.js';
const ADDRESS = /^node (\w): (http:.*)$/;
const MINUTE_MS = 60_000;

interface Frame {
  readonly welcome?: { readonly node: string; readonly complete: boolean };
  readonly node?: string;
  readonly text?: string;
  readonly epoch?: string;
  readonly sequence?: number;
}

/** The example as its run line starts it, with the engine named. */
class Run {
  readonly lines: string[] = [];
  errors = '';
  readonly exit: Promise<number | null>;
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(engine: string, env: NodeJS.ProcessEnv = process.env) {
    if (!readFileSync(FILE, 'utf8').includes(` * Run: node ${FILE}\n`)) throw new Error('another run line');
    this.#child = spawn(process.execPath, [FILE, engine], { env });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.lines.push(line));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    this.exit = once(this.#child, 'close').then(([code]) => code as number | null);
  }

  /** Of the pages, by node, once both are there and have the engine. */
  async addresses(): Promise<Readonly<Record<string, string>>> {
    await until(() => {
      if (this.#child.exitCode !== null) throw new Error(`it has ended: ${this.errors}`);
      const connected = this.lines.filter((line) => line.endsWith('backplane connected'));
      return connected.length === 2 && this.#pages().length === 2;
    });
    return Object.fromEntries(this.#pages());
  }

  #pages(): string[][] {
    return this.lines.flatMap((line) => {
      const [, node, address] = ADDRESS.exec(line) ?? [];
      return node && address ? [[node, address]] : [];
    });
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }
}

const frameOf = async (client: Client): Promise<Frame> => JSON.parse(String(await client.next())) as Frame;

async function join(address = '', query = ''): Promise<{ client: Client; greeting: Frame }> {
  const client = await Client.open(`${address.replace('http', 'ws')}chat${query}`);
  return { client, greeting: await frameOf(client) };
}

/** The next message with this text; those before it are passed over. */
async function heard(client: Client, text: string): Promise<Frame> {
  for (;;) {
    const frame = await frameOf(client);
    if (frame.text === text) return frame;
  }
}

/** Says it until somebody has heard it: on NATS a new subscription reaches the other node a little later. */
async function sayUntilHeard(author: Client, reader: Client, text: string): Promise<void> {
  await until(() => {
    author.send(text);
    return reader.unread.length > 0;
  });
}

describe.each([
  ['redis', NO_REDIS],
  ['nats', NO_NATS],
])('two nodes on %s', { timeout: MINUTE_MS }, (engine, missing) => {
  if (missing !== undefined) console.log(`skipped: ${missing}`);
  describe.skipIf(missing !== undefined)('where that is installed', () => {
    let run: Run;
    let addresses: Readonly<Record<string, string>>;

    beforeAll(async () => {
      run = new Run(engine);
      addresses = await run.addresses();
    });
    afterAll(async () => {
      run.interrupt();
      await run.exit;
    });

    test('carry what is said on one to the other, and to its author', async () => {
      const { client: one, greeting } = await join(addresses.a);
      const { client: other } = await join(addresses.b);
      expect(greeting.welcome).toEqual({ node: 'a', complete: true });
      await sayUntilHeard(one, other, 'hello');
      expect(await heard(other, 'hello')).toMatchObject({ node: 'a' });
      other.send('back');
      expect(await heard(one, 'back')).toMatchObject({ node: 'b' });
      expect(await heard(other, 'back')).toMatchObject({ node: 'b' });
      for (const { socket } of [one, other]) socket.close();
    });

    test.runIf(engine === 'redis')(
      'give a client what it missed when it comes back to the other',
      async () => {
        const { client: author } = await join(addresses.a);
        const { client: first, greeting } = await join(addresses.a);
        first.socket.terminate();
        for (const text of ['1', '2', '3']) author.send(text);
        await heard(author, '3');
        const query = `?epoch=${greeting.epoch}&sequence=${greeting.sequence}`;
        const { client: second, greeting: welcome } = await join(addresses.b, query);
        expect(welcome).toEqual({
          welcome: { node: 'b', complete: true },
          epoch: greeting.epoch,
          sequence: greeting.sequence,
        });
        for (const text of ['1', '2', '3']) expect(await heard(second, text)).toMatchObject({ node: 'a' });
      },
    );

    test.skipIf(isWithoutBrowser())('show the same on both pages', async () => {
      const browser = await launchBrowser();
      onTestFinished(() => browser.close());
      const problems: string[] = [];
      const visit = async (node: string): Promise<Page> => {
        const page = await browser.newPage();
        page.on('console', (message) => problems.push(message.text()));
        page.on('pageerror', (error) => problems.push(error.message));
        await page.goto(addresses[node] ?? '');
        await page.getByText(`Connected to node ${node}`).waitFor();
        return page;
      };
      const [one, other] = [await visit('a'), await visit('b')];
      const shown = (page: Page) => page.getByRole('log').getByRole('listitem');
      await until(async () => {
        await one.getByRole('textbox', { name: 'Message' }).fill('from a page');
        await one.getByRole('button', { name: 'Send' }).click();
        return (await shown(other).count()) > 0;
      });
      expect(await shown(other).first().innerText()).toMatch(/^a, loop [01]: from a page$/);
      await shown(one).first().waitFor();
      expect(problems).toEqual([]);
    });

    // The last one, since it ends what the others use.
    test('send their clients away and leave nothing behind when Ctrl-C is pressed', async () => {
      const { client } = await join(addresses.b);
      run.interrupt();
      expect((await client.closed).code).toBe(1001);
      expect(await run.exit).toBe(0);
      for (const address of Object.values(addresses)) await expect(fetch(address)).rejects.toThrow();
      expect(run.errors).toBe('');
    });
  });
});

test('says what to install when the engine is not there', async () => {
  const run = new Run('redis', { PATH: '/none' });
  expect(await run.exit).toBe(1);
  expect(run.errors).toBe('install redis-server: there is none in PATH\n');
});
