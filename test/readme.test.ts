/** Runs the snippets and commands of the README, and holds it to what they show. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { Client, refusal } from './harness/client.ts';
import { codeBlocks } from './harness/code-block.ts';
import { runCommand } from './harness/command.ts';
import { ServerProcess } from './harness/server-process.ts';
import { REPOSITORY, UserProject } from './harness/user-project.ts';

const README = new URL('../README.md', import.meta.url);
const MAX_LINES = 150;
const LOOPS = 2;
const readme = readFileSync(README, 'utf8');

/** The snippet that has this in it. */
function snippet(language: string, part: string): string {
  const [found, another] = codeBlocks(README, language).filter((text) => text.includes(part));
  if (found === undefined || another !== undefined)
    throw new Error(`the README has not one snippet with ${part}`);
  return found;
}

/** A snippet as it is run here: with something else than it says, which it must say. */
function changed(text: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((result, [from, to]) => {
    if (!result.includes(from)) throw new Error(`the snippet does not say ${from}`);
    return result.replace(from, to);
  }, text);
}

const project = new UserProject();
beforeAll(() => {
  project.link('polyloop', REPOSITORY);
  project.write('app.js', snippet('js', '// app.js'));
});
afterAll(() => project.remove());

describe('the app', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await ServerProcess.start('--app', project.path('app.js'), '--workers', String(LOOPS));
  });
  afterAll(() => server.stop());

  const visit = async (room: string): Promise<{ client: Client; visitor: number; loop: number }> => {
    const client = await Client.open(server.url(`/chat/${room}`));
    const [, visitor, loop] =
      /^You are visitor (\d+), served by loop (\d+)$/.exec(String(await client.next())) ?? [];
    return { client, visitor: Number(visitor), loop: Number(loop) };
  };

  it('sends what one says to everyone in the room, on every loop, and to nobody else', async () => {
    const { client: elsewhere, visitor: before } = await visit('elsewhere');
    const visits = [await visit('lobby')];
    while (new Set(visits.map(({ loop }) => loop)).size < LOOPS) visits.push(await visit('lobby'));
    visits[0]?.client.send('hello');
    for (const { client } of visits) expect(await client.next()).toBe('hello');
    elsewhere.send('here');
    expect(await elsewhere.next()).toBe('here');
    expect(visits.map(({ visitor }) => visitor)).toEqual(visits.map((_, i) => before + 1 + i));
  });

  it('refuses with 403 what shouldUpgrade answers with null', async () => {
    expect(await refusal(server.url(`/chat/${'x'.repeat(21)}`))).toMatchObject({ status: 403 });
  });

  it('logs how a connection ended', async () => {
    const { client } = await visit('lobby');
    client.socket.close(4000, 'done');
    expect(await server.line('left', ({ code }) => code === 4000)).toMatchObject({ reason: 'done' });
  });

  it('answers plain HTTP', async () => {
    expect(await (await fetch(`http://127.0.0.1:${server.port}/`)).text()).toBe('hello');
  });

  it('talks to the snippet for browsers on a page of the server', async () => {
    const origin = `http://127.0.0.1:${server.port}`;
    class BrowserSocket extends WebSocket {
      constructor(url: string) {
        super(url, { origin });
      }
    }
    const code = changed(snippet('js', 'new WebSocket'), { 'localhost:3000': `127.0.0.1:${server.port}` });
    const heard: string[] = [];
    await new Promise<void>((resolve) => {
      const log = (text: string): void => {
        heard.push(text);
        if (heard.length === 2) resolve();
      };
      new Function('WebSocket', 'console', code)(BrowserSocket, { log });
    });
    expect(heard).toEqual([expect.stringMatching(/^You are visitor/), 'hello']);
  });
});

describe('the library', () => {
  it('serves the app, and drains with 1001 when it is told to stop', async () => {
    const code = changed(snippet('js', 'Server.start'), {
      'workers: 8': `workers: ${LOOPS}, host: '127.0.0.1', adminPort: 0`,
      'port: 3000': 'port: 0',
    });
    const child = spawn(process.execPath, [project.write('main.js', code)]);
    const exit = once(child, 'exit');
    onTestFinished(() => void child.kill('SIGKILL'));
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    let port = '';
    // `console.log` beside log lines, which are JSON: the port, then the loops.
    for await (const line of createInterface({ input: child.stdout })) {
      [, port = ''] = /^(\d+) \[$/.exec(line) ?? [];
      if (port !== '') break;
    }
    expect({ port, stderr }).toEqual({ port: expect.stringMatching(/^\d+$/), stderr: '' });
    child.stdout.resume();
    const client = await Client.open(`ws://127.0.0.1:${port}/chat/lobby`);
    child.kill('SIGTERM');
    expect((await client.closed).code).toBe(1001);
    expect(await exit).toEqual([0, null]);
  });
});

it('shows calls that work as they stand', async () => {
  const calls = ts.transpileModule(snippet('ts', "loop.history('news'"), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
  }).outputText;
  project.write('tasks.js', 'export const hash = (password) => password.length;');
  const app = project.write(
    'calls.js',
    `import { defineApp, defineTasks } from 'polyloop';
    const tasks = defineTasks(new URL('./tasks.js', import.meta.url));
    export default defineApp((loop) => {
      loop.webSocket('/', {
        async onUpgrade(ws) {
          loop.publish('news', 'one');
          const { epoch, sequence } = loop.history('news');
          loop.publish('news', 'two');
          const [ip, password] = [ws.remoteAddress, 'secret'];
          ${calls}
          ws.send(JSON.stringify(loop.shared.map('scores').get('ada')));
        },
      });
    });`,
  );
  const server = await ServerProcess.start('--app', app, '--workers', '1');
  const client = await Client.open(server.url('/'));
  expect(await client.next()).toBe('two');
  expect(await client.next()).toBe('1');
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

it('names only flags and scripts that there are', async () => {
  const { stdout } = await runCommand(['--help']);
  const flags = new Set(stdout.match(/--[a-z-]+/g));
  const named = [...readme.matchAll(/`[^`]*`|^node .*$|^npm .*$/gm)].flatMap(
    ([code]) => code.match(/--[a-z-]+/g) ?? [],
  );
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter((flag) => !flags.has(flag))).toEqual([]);

  const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const run = [...readme.matchAll(/npm (?:run )?(test|start|[a-z]+:[a-z-]+)/g)].map(([, name]) => name);
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(run));
});

it(`has at most ${MAX_LINES} lines`, () => {
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(MAX_LINES);
});
