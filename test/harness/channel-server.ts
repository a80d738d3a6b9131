/** Servers of several loops that run test/fixtures/channels-app.js, and what a test does on each of their loops. */
import type { LoopContext, Server, ServerOptions, ServerWebSocket } from 'polyloop';
import type { Client } from './client.ts';
import { FixtureServer } from './fixture-server.ts';
import { openOnEachLoop, openOnLoop } from './greeting.ts';

/** What a function of the test is given on a loop. */
export interface LoopScope {
  readonly loop: LoopContext;
  /** The connection that `join` opened last on this loop under that name. */
  member(name: string): ServerWebSocket;
  /** The test's own, for what happens between two calls. */
  readonly notes: unknown[];
  /** Memory that the test shares with its loops (test/harness/gate.ts). */
  readonly gate: Int32Array<SharedArrayBuffer>;
  /** Frees all that the loop's own memory holds in vain. */
  collectGarbage(): void;
}

/** A function of the test. It travels as source text: it sees its arguments and nothing else. */
export type LoopBody<Args extends readonly unknown[], T> = (scope: LoopScope, ...args: Args) => T;

/** The loops of a server that runs test/fixtures/channels-app.js, wherever it runs. */
export class ControlledLoops {
  readonly #url: (path: string) => string;
  readonly #controls = new Map<number, Control>();

  constructor(url: (path: string) => string) {
    this.#url = url;
  }

  /** Takes control of every loop. */
  async connect(loops: number): Promise<this> {
    const greeted = await openOnEachLoop(this.#url('/control'), loops);
    for (const [loop, { client }] of [...greeted].sort(([a], [b]) => a - b)) {
      this.#controls.set(loop, new Control(client));
    }
    return this;
  }

  /** Takes control anew of a loop that was replaced. */
  async reconnect(loop: number): Promise<void> {
    const { client } = await openOnLoop(this.#url('/control'), loop);
    this.#controls.set(loop, new Control(client));
  }

  /** Opens a connection on that loop; functions of the test find it there under its name. */
  async join(name: string, loop = 0): Promise<Client> {
    const path = `/member/${loop}/${encodeURIComponent(name)}`;
    return (await openOnLoop(this.#url(path), loop)).client;
  }

  /** Runs `body` on a loop, as one callback, and gives what it returned. What it throws is thrown here: `RangeError: …`. */
  run<Args extends readonly unknown[], T>(
    loop: number,
    body: LoopBody<Args, T>,
    ...args: Args
  ): Promise<Awaited<T>> {
    const control = this.#controls.get(loop);
    if (control === undefined) throw new Error(`there is no loop ${loop}`);
    return control.run(body, args);
  }

  /** The same on every loop, at the same time; what they returned, by loop. */
  runOnAll<Args extends readonly unknown[], T>(
    body: LoopBody<Args, T>,
    ...args: Args
  ): Promise<Awaited<T>[]> {
    return Promise.all([...this.#controls.values()].map((control) => control.run(body, args)));
  }

  /** What every loop says about a channel's subscribers. */
  subscriberCounts(channel: string): Promise<number[]> {
    return this.runOnAll(({ loop }, channel) => loop.subscriberCount(channel), channel);
  }
}

/** A server in the test's own process whose loops the test controls. */
export class ChannelServer extends ControlledLoops {
  readonly fixture: FixtureServer;

  private constructor(fixture: FixtureServer) {
    super((path) => fixture.url(path));
    this.fixture = fixture;
  }

  static async start(options: ServerOptions & { readonly workers: number }): Promise<ChannelServer> {
    const server = new ChannelServer(await FixtureServer.start('channels-app.js', options));
    return server.connect(options.workers);
  }

  get server(): Server {
    return this.fixture.server;
  }

  close(): Promise<void> {
    return this.fixture.close();
  }
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** The connection to `/control` on one loop. Functions may be under way at the same time. */
class Control {
  readonly #client: Client;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #lastId = 0;

  constructor(client: Client) {
    this.#client = client;
    client.socket.on('message', (data) => this.#settle(JSON.parse(String(data)) as Answer));
    void client.closed.then(() => {
      for (const id of this.#waiting.keys()) this.#settle({ id, error: 'the connection to the loop closed' });
    });
  }

  async run<Args extends readonly unknown[], T>(body: LoopBody<Args, T>, args: Args): Promise<Awaited<T>> {
    const id = ++this.#lastId;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#client.send(JSON.stringify({ id, source: body.toString(), args }));
    const { value, error } = await answered;
    if (error !== undefined) throw new Error(error);
    return value as Awaited<T>;
  }

  #settle(answer: Answer): void {
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }
}

/** The next `count` messages, text as a string. */
export async function take(client: Client, count: number): Promise<(string | Buffer)[]> {
  const messages: (string | Buffer)[] = [];
  while (messages.length < count) messages.push(await client.next());
  return messages;
}

/** The messages up to this one, which is left out. */
export async function takeUntil(client: Client, last: string): Promise<(string | Buffer)[]> {
  const messages: (string | Buffer)[] = [];
  for (let next = await client.next(); next !== last; next = await client.next()) messages.push(next);
  return messages;
}
