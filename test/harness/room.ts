/** Clients of test/fixtures/channels-room.js: they publish numbered messages, and keep account of what they receive. */
import { createHash } from 'node:crypto';
import type { SubscribeResult } from 'polyloop';
import { Client } from './client.ts';
import { until } from './until.ts';

type Subscribed = Extract<SubscribeResult, { ok: true }> & { readonly loop: number };

/** Own messages that a publisher has under way; so clients can keep up, and none is dropped. */
const WINDOW = 32;
/** Messages have different lengths, up to some units of the log. */
const LENGTHS = [10, 40, 100, 33, 500, 64, 20, 200];

const textOf = (publisher: number, number: number): string =>
  `${publisher} ${number} `.padEnd(LENGTHS[(publisher + number) % LENGTHS.length] ?? 0, '.');

/** Sends messages numbered from 1, the next when its own have come back. */
export class RoomPublisher {
  readonly #client: Client;
  readonly #name: number;
  #sent = 0;
  #returned = 0;
  #isStopping = false;

  private constructor(client: Client, name: number) {
    this.#client = client;
    this.#name = name;
    client.socket.on('message', (data) => {
      if (!String(data).startsWith(`${name} `)) return;
      this.#returned++;
      this.#fill();
    });
  }

  static async open(url: string, name: number): Promise<RoomPublisher> {
    return new RoomPublisher(await Client.open(url), name);
  }

  start(): void {
    this.#fill();
  }

  /** Messages that came back. */
  get published(): number {
    return this.#returned;
  }

  /** Resolves when all that was sent has come back. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await until(() => this.#returned === this.#sent);
  }

  #fill(): void {
    while (!this.#isStopping && this.#sent - this.#returned < WINDOW) {
      this.#client.socket.send(textOf(this.#name, ++this.#sent));
    }
  }
}

/** Every message in a few bytes, and whether each publisher's came in order and whole. */
export class Account {
  readonly #hash = createHash('sha256');
  readonly #last = new Map<number, number>();
  count = 0;
  /** What was wrong, the first time that something was. */
  fault: string | undefined;

  add(text: string): void {
    this.#hash.update(`${text}\n`);
    this.count++;
    const [publisher = 0, number = 0] = text.split(' ', 2).map(Number);
    const expected = (this.#last.get(publisher) ?? 0) + 1;
    if (number !== expected || text !== textOf(publisher, number))
      this.fault ??= `publisher ${publisher}: ${text} in place of number ${expected}`;
    this.#last.set(publisher, number);
  }

  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

/** Opens a connection to the room; `onText` gets each message of it. */
export async function openRoom(
  url: string,
  onText: (text: string) => void,
  onSubscribed: (result: Subscribed) => void = () => {},
): Promise<Client> {
  const client = new Client(url);
  client.socket.removeAllListeners('message');
  let isFirst = true;
  client.socket.on('message', (data) => {
    if (!isFirst) return onText(String(data));
    isFirst = false;
    onSubscribed(JSON.parse(String(data)) as Subscribed);
  });
  await new Promise((resolve, reject) => {
    client.socket.once('open', resolve);
    void client.closed.then(reject);
  });
  return client;
}
